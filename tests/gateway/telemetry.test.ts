import { expect, test } from 'vitest'
import { startCollector } from '../../apps/server/src/features/ops/telemetry/otlp/__fixtures__/collector.ts'
import { makeDataDir } from '../support/data-dir.ts'
import { startTurnpike } from '../support/start-turnpike.ts'

const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736'
const SPAN = '00f067aa0ba902b7'
const SERVER = 2

test('the server tells a collector of what it served, of the caller’s trace, and of nothing secret', async () => {
  await using dataDir = await makeDataDir()
  await using collector = await startCollector()
  await using turnpike = await startTurnpike({
    dataDir: dataDir.path,
    env: { OTEL_EXPORTER_OTLP_ENDPOINT: `${collector.endpoint}/` },
  })
  const { apiKey, adminPassword } = turnpike.facts
  const asked = {
    model: 'sandbox-small',
    messages: [{ role: 'user', content: 'planted-prompt [[sandbox: words=20]]' }],
  }
  for (const [key, stream] of [
    [apiKey, false],
    [apiKey, true],
    [`${apiKey.slice(0, -4)}zzzz`, false],
  ] as const) {
    const answer = await fetch(`${turnpike.facts.gatewayUrl}/chat/completions`, {
      method: 'POST',
      headers: {
        authorization: `Bearer ${key}`,
        'content-type': 'application/json',
        'user-agent': 'planted-agent',
        'x-client-request-id': 'planted-id',
        traceparent: `00-${TRACE}-${SPAN}-01`,
      },
      body: JSON.stringify({ ...asked, stream }),
    })
    await answer.text()
  }
  await turnpike.stop()
  const requests = collector.spans.filter(({ kind }) => kind === SERVER)
  expect(requests.map(({ attributes }) => attributes['http.response.status_code'])).toEqual([200, 200, 401])
  expect(collector.spans).toHaveLength(5)
  for (const { traceId } of collector.spans) expect(traceId).toBe(TRACE)
  for (const { parentSpanId } of requests) expect(parentSpanId).toBe(SPAN)
  const counted = collector.histograms.get('gen_ai.server.request.duration') ?? []
  expect(counted.reduce((sum, { count }) => sum + count, 0)).toBe(3)
  expect(collector.text()).not.toContain('planted')
  for (const secret of [apiKey, adminPassword]) expect(collector.text()).not.toContain(secret)
}, 120_000)
