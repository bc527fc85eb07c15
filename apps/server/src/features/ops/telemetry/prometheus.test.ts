import { createServer } from 'node:http'
import type { Outcome } from '@turnpike/core/gateway/outcome'
import { makeOutcome } from '@turnpike/db/testing/outcome'
import { expect, test } from 'vitest'
import { listen } from '../../../shared/listen.ts'
import { createMetricsHandler } from './metrics-handler.ts'
import { createPrometheus, type PrometheusGauges } from './prometheus.ts'
import { MAX_LABEL_SETS } from './request-counts.ts'

const GAUGES: PrometheusGauges = {
  inFlight: 3,
  openStreams: 2,
  waiters: 1,
  accountsAvailable: 4,
  accountsTotal: 5,
  heldSlots: 6,
  leakedSlots: 0,
  journalBytes: 7,
  ledgerStranded: 0,
  ledgerLost: 0,
  isDatabaseUp: true,
  isRedisUp: null,
  errors: { produced: 9, stored: 5, folded: 3, dropped: { queueFull: 1, database: 0, closed: 0 }, waiting: 0 },
  spansDropped: 0,
}

function make() {
  return createPrometheus({ instanceId: 'i-1', version: '1', providerOf: () => 'openai', gauges: () => GAUGES })
}

type Sample = { name: string; labels: Record<string, string>; value: number }

/** A strict reader of the text format: any line it does not understand is an error. */
function parse(text: string): Sample[] {
  return text.split('\n').flatMap((line) => {
    if (line === '' || line.startsWith('#')) return []
    const found = /^([a-zA-Z_:][\w:]*)(?:\{(.*)\})? (\S+)$/s.exec(line)
    if (!found) throw new Error(`not a sample: ${line}`)
    const [, name = '', inside = '', value] = found
    const labels: Record<string, string> = {}
    const rest = inside.replace(/([a-zA-Z_]\w*)="((?:[^"\\\n]|\\["\\n])*)",?/g, (_, label: string, text: string) => {
      labels[label] = text
      return ''
    })
    if (rest !== '') throw new Error(`not labels: ${inside}`)
    return [{ name, labels, value: Number(value) }]
  })
}

function sum(samples: readonly Sample[], name: string, labels: Record<string, string> = {}): number {
  return samples
    .filter(
      (sample) =>
        sample.name === name && Object.entries(labels).every(([label, value]) => sample.labels[label] === value),
    )
    .reduce((total, { value }) => total + value, 0)
}

test('counts are what was sent', async () => {
  const prometheus = make()
  const failed: Partial<Outcome> = { outcome: 'exhausted', status: 504, errorCode: 'upstream_timeout' }
  for (let at = 0; at < 7; at++) prometheus.record(makeOutcome({ costNano: 100_000_000, billedNano: 200_000_000 }))
  for (let at = 0; at < 3; at++) prometheus.record(makeOutcome({ ...failed, costNano: null, billedNano: 0 }))
  const samples = parse(await prometheus.text())
  expect(sum(samples, 'turnpike_requests_total')).toBe(10)
  expect(sum(samples, 'turnpike_requests_total', { outcome: 'completed' })).toBe(7)
  expect(sum(samples, 'turnpike_requests_total', { code: 'upstream_timeout', owner: 'provider' })).toBe(3)
  expect(sum(samples, 'turnpike_request_duration_seconds_count')).toBe(10)
  expect(sum(samples, 'turnpike_tokens_total', { kind: 'output' })).toBe(3_000)
  expect(sum(samples, 'turnpike_cost_dollars_total')).toBe(0.7)
  expect(sum(samples, 'turnpike_billed_dollars_total')).toBe(1.4)
  expect(sum(samples, 'turnpike_in_flight')).toBe(3)
  expect(sum(samples, 'turnpike_errors_dropped_total')).toBe(1)
})

test('times are counted up to each bound, and never twice', async () => {
  const prometheus = make()
  const { times } = makeOutcome()
  for (const totalMs of [10, 11, 400_000]) prometheus.record(makeOutcome({ times: { ...times, totalMs } }))
  const samples = parse(await prometheus.text())
  const bucket = (le: string) => sum(samples, 'turnpike_request_duration_seconds_bucket', { le })
  expect(['0.01', '0.05', '300', '+Inf'].map(bucket)).toEqual([1, 2, 2, 3])
  expect(sum(samples, 'turnpike_request_duration_seconds_sum')).toBeCloseTo(400.021)
})

test('attempts on an account are one number, whatever was asked of it', async () => {
  const prometheus = make()
  const [attempt] = makeOutcome().attempts
  for (const model of ['a', 'b']) {
    const attempts = [0, 1].map((n) => ({ ...attempt, accountId: 7, reason: n === 0 ? 'upstream_timeout' : null }))
    prometheus.record(Object.assign(makeOutcome({ model, accountId: 7 }), { attempts }))
  }
  const samples = parse(await prometheus.text()).filter(({ name }) => name === 'turnpike_upstream_attempts_total')
  expect(samples.map(({ labels, value }) => [labels.account, labels.code, value])).toEqual([
    ['7', 'upstream_timeout', 2],
    ['7', '', 2],
  ])
  expect(sum(parse(await prometheus.text()), 'turnpike_account_switches_total')).toBe(2)
})

test('whatever models are called and however many there are, it stays readable and bounded', async () => {
  const prometheus = make()
  for (const model of ['a"b', 'a\\b', 'a\nb', '{}', '\u2028', 'x'.repeat(10_000)])
    prometheus.record(makeOutcome({ model }))
  for (let at = 0; at < 10_000; at++) prometheus.record(makeOutcome({ model: `m${at}` }))
  const text = await prometheus.text()
  const samples = parse(text)
  expect(sum(samples, 'turnpike_requests_total')).toBe(10_006)
  const series = samples.filter(({ name }) => name === 'turnpike_requests_total')
  expect(series.length).toBe(MAX_LABEL_SETS + 1)
  expect(sum(series, 'turnpike_requests_total', { model: 'other' })).toBe(10_006 - MAX_LABEL_SETS)
})

test('nothing of a user, a key or a request is a label', async () => {
  const prometheus = make()
  prometheus.record(makeOutcome({ userId: 424_242, keyId: 535_353 }))
  const text = await prometheus.text()
  expect(text).not.toMatch(/424242|535353/)
  expect(text).not.toContain(makeOutcome().clientIp)
})

test.each<[string, string | undefined, Record<string, string>, number]>([
  ['this machine, where there is no token', undefined, {}, 200],
  ['a proxy’s callers, where there is no token', undefined, { 'x-forwarded-for': '192.0.2.1' }, 404],
  ['whoever brings the token', 'secret-token', { authorization: 'Bearer secret-token' }, 200],
  ['nobody without it', 'secret-token', {}, 401],
  ['nobody with another one', 'secret-token', { authorization: 'Bearer secret' }, 401],
])('is for %s', async (_, token, headers, status) => {
  await using stack = new AsyncDisposableStack()
  const handle = createMetricsHandler(make(), token)
  const server = createServer((request, response) => void handle(request, response))
  const { port } = await listen(server, '127.0.0.1', 0)
  stack.defer(() => {
    server.close()
    server.closeAllConnections()
  })
  const answer = await fetch(`http://127.0.0.1:${port}/metrics`, { headers })
  const text = await answer.text()
  expect(answer.status).toBe(status)
  if (status === 200) expect(parse(text).length).toBeGreaterThan(20)
  else expect(text.length).toBeLessThan(50)
})
