import type { Outcome } from '@turnpike/core/gateway/outcome'
import type { Refusal } from '@turnpike/core/ops/refusal'
import { makeOutcome, requestIdAt } from '@turnpike/db/testing/outcome'
import { expect, test, vi } from 'vitest'
import { listenHttp } from '../../../../shared/egress/__fixtures__/listener.ts'
import { createEgress } from '../../../../shared/egress/egress.ts'
import { makeLog } from '../../../../shared/journal/__fixtures__/journal-world.ts'
import { type Collector, startCollector } from './__fixtures__/collector.ts'
import { MAX_WAITING_REQUESTS, openTelemetry, type TelemetryOptions } from './telemetry.ts'

const SERVER = 2
const CLIENT = 3
const CREATED_MS = Date.UTC(2026, 0, 1)
const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736'
const SPAN = '00f067aa0ba902b7'
const DIAGNOSTICS = { isInLedger: true, upstreamErrors: [], fault: undefined }

/** Sends when it is closed, unless `timings` say otherwise. */
function open(endpoint: string, timings: TelemetryOptions['timings'] = {}) {
  const { host } = new URL(endpoint)
  const egress = createEgress({ privateUpstreams: [host] })
  const telemetry = openTelemetry({
    endpoint,
    egress,
    instanceId: 'i-1',
    version: '1.2.3',
    providerOf: (accountId) => (accountId === 9 ? 'azure-openai' : 'openai'),
    log: makeLog(),
    timings: { tracesEveryMs: 3_600_000, metricsEveryMs: 3_600_000, lastDeliveryMs: 20_000, ...timings },
  })
  return {
    ...telemetry,
    record: (changes: Partial<Outcome> = {}, traceParent?: string) =>
      telemetry.record(
        makeOutcome({ createdAtMs: CREATED_MS, ...changes }),
        traceParent === undefined ? DIAGNOSTICS : { ...DIAGNOSTICS, traceParent },
      ),
    async [Symbol.asyncDispose]() {
      await telemetry.close()
      await egress.close()
    },
  }
}

function refusal(changes: Partial<Refusal> = {}): Refusal {
  return {
    requestId: requestIdAt(CREATED_MS),
    clientRequestId: 'planted-client-id',
    createdAtMs: CREATED_MS,
    endedAtMs: CREATED_MS + 1,
    code: 'invalid_api_key',
    endpoint: '/v1/chat/completions',
    path: '/v1/chat/completions',
    stream: null,
    model: null,
    userId: null,
    keyId: null,
    groupId: null,
    clientIp: '192.0.2.1',
    userAgent: 'planted-agent',
    totalMs: 1,
    ...changes,
  }
}

function points(collector: Collector, name: string) {
  return collector.histograms.get(name) ?? []
}

test('a request is a span of the server with one of a client for each attempt, at the times it really had', async () => {
  await using collector = await startCollector()
  const failed = {
    accountId: 9,
    startedAtMs: CREATED_MS + 1,
    durationMs: 40.5,
    connectMs: 1,
    firstByteMs: 40,
    status: 503,
    reason: 'upstream_unavailable',
    upstreamRequestId: null,
  }
  const answered = { ...failed, accountId: 4, startedAtMs: CREATED_MS + 42, durationMs: 771, status: 200, reason: null }
  {
    await using telemetry = open(collector.endpoint)
    telemetry.record({ attempts: [failed, answered] })
  }
  const [first, second, server] = collector.spans
  expect(collector.spans).toHaveLength(3)
  expect(server).toMatchObject({
    name: 'POST /v1/chat/completions',
    kind: SERVER,
    startMs: CREATED_MS,
    endMs: CREATED_MS + 813,
    isError: false,
    attributes: {
      'http.request.method': 'POST',
      'http.route': '/v1/chat/completions',
      'http.response.status_code': 200,
      'gen_ai.operation.name': 'chat',
      'gen_ai.request.model': 'gpt-4o-mini',
      'turnpike.outcome': 'completed',
      'turnpike.user.id': 1,
      'turnpike.key.id': 2,
      'turnpike.group.id': 3,
    },
  })
  expect(server).not.toHaveProperty('parentSpanId')
  expect(server?.attributes).not.toHaveProperty(['gen_ai.usage.input_tokens'])
  for (const child of [first, second]) {
    expect(child).toMatchObject({
      name: 'chat gpt-4o-mini-2024-07-18',
      kind: CLIENT,
      traceId: server?.traceId,
      parentSpanId: server?.spanId,
    })
  }
  expect(first).toMatchObject({
    startMs: CREATED_MS + 1,
    endMs: CREATED_MS + 41.5,
    isError: true,
    attributes: {
      'gen_ai.provider.name': 'azure.ai.openai',
      'error.type': 'upstream_unavailable',
      'http.response.status_code': 503,
      'turnpike.account.id': 9,
      'turnpike.attempt': 1,
    },
  })
  expect(first?.attributes).not.toHaveProperty(['gen_ai.usage.input_tokens'])
  expect(second).toMatchObject({
    startMs: CREATED_MS + 42,
    isError: false,
    attributes: {
      'gen_ai.provider.name': 'openai',
      'gen_ai.request.model': 'gpt-4o-mini-2024-07-18',
      'gen_ai.response.id': 'chatcmpl-1',
      'gen_ai.response.time_to_first_chunk': 0.311,
      'gen_ai.usage.input_tokens': 100,
      'gen_ai.usage.output_tokens': 300,
      'gen_ai.usage.cache_read.input_tokens': 20,
      'openai.api.type': 'chat_completions',
    },
  })
  expect(collector.resources[0]).toEqual({
    'service.name': 'turnpike',
    'service.version': '1.2.3',
    'service.instance.id': 'i-1',
  })
})

test('a valid traceparent is the parent, one that is not sampled is not told, any other starts a trace of its own', async () => {
  await using collector = await startCollector()
  {
    await using telemetry = open(collector.endpoint)
    telemetry.record({}, `00-${TRACE}-${SPAN}-01`)
    telemetry.record({}, `00-${TRACE}-${SPAN}-00`)
    telemetry.recordRefusal(refusal({ traceParent: `00-${TRACE}-${SPAN}-01` }))
    telemetry.record({}, 'planted-parent')
  }
  const servers = collector.spans.filter(({ kind }) => kind === SERVER)
  expect(servers.map(({ traceId, parentSpanId }) => [traceId === TRACE, parentSpanId])).toEqual([
    [true, SPAN],
    [true, SPAN],
    [false, undefined],
  ])
})

test('metrics are what was sent, by the names of the conventions', async () => {
  await using collector = await startCollector()
  {
    await using telemetry = open(collector.endpoint)
    for (let at = 0; at < 7; at++) telemetry.record()
    telemetry.record({ outcome: 'exhausted', status: 504, errorCode: 'upstream_timeout' })
    telemetry.record({ endpoint: '/v1/embeddings', usage: { ...makeOutcome().usage, outputTokens: 0 } })
    telemetry.recordRefusal(refusal())
    telemetry.recordRefusal(refusal({ endpoint: null, path: '/v1/models' }))
  }
  const chat = {
    'gen_ai.operation.name': 'chat',
    'gen_ai.request.model': 'gpt-4o-mini',
    'gen_ai.provider.name': 'openai',
  }
  const requests = points(collector, 'gen_ai.server.request.duration')
  expect(requests).toHaveLength(4)
  expect(requests).toContainEqual({ count: 7, sum: expect.closeTo(7 * 0.813, 9), attributes: chat })
  expect(requests).toContainEqual({
    count: 1,
    sum: 0.813,
    attributes: { ...chat, 'error.type': 'upstream_timeout' },
  })
  expect(requests).toContainEqual({
    count: 1,
    sum: 0.001,
    attributes: { 'gen_ai.operation.name': 'chat', 'error.type': 'invalid_api_key' },
  })
  expect(points(collector, 'gen_ai.server.time_to_first_token')).toContainEqual({
    count: 7,
    sum: expect.closeTo(7 * 0.311, 9),
    attributes: chat,
  })
  expect(points(collector, 'gen_ai.server.time_per_output_token')).toContainEqual({
    count: 7,
    sum: expect.closeTo((7 * (0.813 - 0.311)) / 299, 9),
    attributes: chat,
  })
  expect(points(collector, 'gen_ai.client.token.usage')).toContainEqual({
    count: 8,
    sum: 8 * 300,
    attributes: { ...chat, 'gen_ai.token.type': 'output' },
  })
  expect(points(collector, 'gen_ai.client.operation.duration').reduce((sum, { count }) => sum + count, 0)).toBe(9)
  expect(collector.spans.filter(({ kind }) => kind === SERVER)).toHaveLength(11)
})

test('nothing that a caller or an upstream wrote is told, but for names of models we know and the id of the answer', async () => {
  await using collector = await startCollector()
  {
    await using telemetry = open(collector.endpoint)
    telemetry.record({ clientRequestId: 'planted-client-id', clientIp: '203.0.113.99', userAgent: 'planted-agent' })
    telemetry.record({
      outcome: 'failed',
      status: 404,
      errorCode: 'model_not_found',
      model: 'planted-model',
      accountId: null,
    })
    telemetry.record({ outcome: 'rejected_upstream', status: 400, errorCode: 'planted_upstream_code' })
    telemetry.recordRefusal(refusal({ model: 'planted-model', path: '/planted-path', clientIp: '203.0.113.99' }))
    telemetry.record({}, 'planted-parent')
  }
  expect(collector.spans.length).toBeGreaterThan(5)
  expect(collector.text()).not.toMatch(/planted|203\.0\.113\.99/)
})

test('a dead collector costs a bounded queue: what is beyond it is dropped and counted, and closing takes its time only', async () => {
  const collector = await startCollector()
  await collector[Symbol.asyncDispose]()
  await using telemetry = open(collector.endpoint, { deliverMs: 1_000, lastDeliveryMs: 2_000 })
  for (let at = 0; at < MAX_WAITING_REQUESTS + 5; at++) telemetry.record()
  expect(telemetry.stats()).toMatchObject({ waiting: MAX_WAITING_REQUESTS, dropped: { queueFull: 5 } })
  await telemetry.close()
  expect(telemetry.stats()).toEqual({
    requests: MAX_WAITING_REQUESTS + 5,
    sent: 0,
    dropped: { queueFull: 5, refused: 0, closed: MAX_WAITING_REQUESTS },
    waiting: 0,
  })
})

test('a collector that accepts and never answers holds nobody up', async () => {
  await using silent = await listenHttp(() => {})
  await using telemetry = open(`http://127.0.0.1:${silent.port}`, { lastDeliveryMs: 1_000 })
  telemetry.record()
  await telemetry.close()
  expect(silent.connections()).toBeGreaterThan(0)
  expect(telemetry.stats()).toMatchObject({ sent: 0, dropped: { closed: 1 } })
})

test('while a collector is busy spans wait and arrive once; what it refuses is dropped and counted', async () => {
  await using collector = await startCollector()
  collector.answer(503)
  await using telemetry = open(collector.endpoint, { tracesEveryMs: 10 })
  telemetry.record()
  await vi.waitUntil(() => collector.deliveries() >= 2, 20_000)
  expect(telemetry.stats()).toMatchObject({ requests: 1, sent: 0, waiting: 1 })
  collector.answer(200)
  await vi.waitUntil(() => telemetry.stats().sent === 1, 20_000)
  expect(collector.spans).toHaveLength(2)
  collector.answer(400)
  telemetry.record()
  await vi.waitUntil(() => telemetry.stats().dropped.refused === 1, 20_000)
  expect(telemetry.stats()).toMatchObject({ requests: 2, sent: 1, waiting: 0 })
})
