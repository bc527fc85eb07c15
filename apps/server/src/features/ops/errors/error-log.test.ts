import type { Outcome } from '@turnpike/core/gateway/outcome'
import type { Refusal } from '@turnpike/core/ops/refusal'
import { makeOutcome } from '@turnpike/db/testing/outcome'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { makeLog } from '../../../shared/journal/__fixtures__/journal-world.ts'
import { createErrorLog, type ErrorLogStats, MAX_FOLDS, MAX_QUEUE, MAX_ROWS_A_MINUTE } from './error-log.ts'
import type { ErrorRow } from './error-row.ts'

beforeEach(() => {
  vi.useFakeTimers({
    now: Date.UTC(2026, 0, 1),
    toFake: ['Date', 'setTimeout', 'clearTimeout', 'setInterval', 'clearInterval'],
  })
})

afterEach(() => {
  vi.useRealTimers()
})

const NO_DIAGNOSTICS = { isInLedger: true, upstreamErrors: [], fault: undefined }
const FAILED = { outcome: 'exhausted', status: 502, errorCode: 'upstream_failed' } as const

function makeWorld(insert?: (rows: ErrorRow[]) => Promise<void>) {
  const rows: ErrorRow[] = []
  const batches: number[] = []
  const errorLog = createErrorLog({
    async insert(written) {
      await insert?.(written)
      batches.push(written.length)
      rows.push(...written)
    },
    clock: { now: () => Date.now() },
    instanceId: 'i-1',
    providerOf: () => 'openai',
    log: makeLog(),
  })
  return { ...errorLog, rows, batches }
}

function refusal(changes: Partial<Refusal> = {}): Refusal {
  return {
    requestId: '00000000-0000-7000-8000-000000000000',
    clientRequestId: null,
    createdAtMs: Date.now(),
    endedAtMs: Date.now(),
    code: 'invalid_api_key',
    endpoint: null,
    path: '/v1/responses',
    stream: null,
    model: null,
    userId: null,
    keyId: null,
    groupId: null,
    clientIp: '192.0.2.1',
    userAgent: null,
    totalMs: 1,
    ...changes,
  }
}

function whole({ produced, stored, folded, dropped, waiting }: ErrorLogStats): void {
  expect(produced).toBe(stored + folded + dropped.queueFull + dropped.database + dropped.closed + waiting)
}

test('a failed request becomes one row with its class, and what the upstream said', async () => {
  const world = makeWorld()
  const body = Buffer.from('{"error":{"message":"überlastet","api_key":"sk-abcdefgh12345678"}}').toString('latin1')
  world.recordOutcome(makeOutcome(FAILED), {
    isInLedger: true,
    upstreamErrors: [{ attempt: 0, body }],
    fault: undefined,
  })
  await vi.advanceTimersByTimeAsync(1_000)
  expect(world.rows).toEqual([
    expect.objectContaining({
      source: 'request',
      phase: 'upstream',
      owner: 'provider',
      severity: 'P1',
      code: 'upstream_failed',
      status: 502,
      upstreamStatus: 200,
      provider: 'openai',
      count: 1,
      retryable: true,
      instanceId: 'i-1',
    }),
  ])
  expect(world.rows[0]?.upstreamBody).toContain('überlastet')
  expect(world.rows[0]?.upstreamBody).not.toContain('abcdefgh')
  await world.close()
  expect(world.stats()).toMatchObject({ produced: 1, stored: 1, waiting: 0 })
})

test('attempts that failover cured are told as such; a success leaves nothing, nor does a caller who left', async () => {
  const world = makeWorld()
  const [attempt] = makeOutcome().attempts
  if (attempt === undefined) throw new Error('there is one')
  const attempts = [{ ...attempt, accountId: 9, status: 503, reason: 'upstream_unavailable' }, attempt]
  world.recordOutcome(makeOutcome({ attempts }), {
    isInLedger: true,
    upstreamErrors: [{ attempt: 0, body: 'busy' }],
    fault: undefined,
  })
  world.recordOutcome(makeOutcome(), NO_DIAGNOSTICS)
  world.recordOutcome(makeOutcome({ outcome: 'client_closed', status: 499, attempts }), NO_DIAGNOSTICS)
  await world.close()
  expect(world.rows).toEqual([
    expect.objectContaining({
      source: 'attempt',
      severity: 'P2',
      accountId: 9,
      upstreamStatus: 503,
      upstreamBody: 'busy',
      status: null,
    }),
  ])
})

test('a fault of ours has its stack, and no secret in it', async () => {
  const world = makeWorld()
  const fault = new TypeError('cannot read Bearer sk-verysecretvalue of null')
  world.recordOutcome(makeOutcome({ outcome: 'failed', status: 500, errorCode: 'internal_error' }), {
    isInLedger: true,
    upstreamErrors: [],
    fault,
  })
  world.recordFault('ops.roll-up', fault)
  await world.close()
  for (const row of world.rows) {
    expect(row).toMatchObject({ code: 'internal_error', owner: 'platform', phase: 'internal', severity: 'P1' })
    expect(row.stack).toContain('error-log.test')
    expect(JSON.stringify(row)).not.toContain('verysecret')
  }
  expect(world.rows.map(({ source }) => source)).toEqual(['request', 'server'])
})

test('of what a caller causes himself so many rows a minute are kept, the rest is one row with its count', async () => {
  const world = makeWorld()
  for (let at = 0; at < MAX_ROWS_A_MINUTE + 500; at++) {
    world.recordRefusal(refusal())
    if (at % 20 === 0) await vi.advanceTimersByTimeAsync(201)
  }
  world.recordRefusal(refusal({ clientIp: '192.0.2.2' }))
  await vi.advanceTimersByTimeAsync(120_000)
  expect(world.rows).toHaveLength(MAX_ROWS_A_MINUTE + 2)
  expect(world.rows.map(({ count }) => count).toSorted((a = 0, b = 0) => b - a)[0]).toBe(500)
  await world.close()
  expect(world.stats()).toMatchObject({
    produced: MAX_ROWS_A_MINUTE + 501,
    stored: MAX_ROWS_A_MINUTE + 2,
    folded: 499,
    waiting: 0,
  })
})

test('callers without end are told apart up to a bound, and none of them is lost', async () => {
  const world = makeWorld()
  const callers = MAX_FOLDS + 1_000
  for (let at = 0; at < callers; at++) world.recordRefusal(refusal({ clientIp: `2001:db8::${at.toString(16)}` }))
  await world.close()
  const stats = world.stats()
  whole(stats)
  expect(stats).toMatchObject({ produced: callers, waiting: 0 })
})

test('when the queue is full the newest are dropped, and counted; batches are small', async () => {
  const gate = Promise.withResolvers<void>()
  const world = makeWorld(() => gate.promise)
  const produced = 10 * 32 + MAX_QUEUE + 7
  for (let at = 0; at < produced; at++) world.recordOutcome(makeOutcome(FAILED), NO_DIAGNOSTICS)
  expect(world.stats()).toMatchObject({ produced, dropped: { queueFull: 7 } })
  gate.resolve()
  await world.close()
  expect(Math.max(...world.batches)).toBe(32)
  expect(world.stats()).toMatchObject({ stored: produced - 7, waiting: 0 })
})

test('what the database does not take is dropped, and counted', async () => {
  const world = makeWorld(() => Promise.reject(new Error('away')))
  for (let at = 0; at < 40; at++) world.recordOutcome(makeOutcome(FAILED), NO_DIAGNOSTICS)
  await world.close()
  expect(world.stats()).toEqual({
    produced: 40,
    stored: 0,
    folded: 0,
    dropped: { queueFull: 0, database: 40, closed: 0 },
    waiting: 0,
  })
})

test('a stop waits ten seconds for the database, not longer', async () => {
  const world = makeWorld(() => new Promise(() => {}))
  for (let at = 0; at < 40; at++) world.recordOutcome(makeOutcome(FAILED), NO_DIAGNOSTICS)
  const closed = world.close()
  await vi.advanceTimersByTimeAsync(10_001)
  await closed
  whole(world.stats())
  expect(world.stats().waiting).toBe(0)
})

test('half a million distinct errors: each is stored, or dropped and counted', async () => {
  vi.useRealTimers()
  const world = makeWorld(() => new Promise((resolve) => setTimeout(resolve, 2)))
  const outcome: Outcome = makeOutcome(FAILED)
  for (let second = 0; second < 10; second++) {
    for (let at = 0; at < 50_000; at++) world.recordOutcome({ ...outcome, model: `m${second}-${at}` }, NO_DIAGNOSTICS)
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
  await world.close()
  const stats = world.stats()
  expect(stats.produced).toBe(500_000)
  whole(stats)
  expect(stats.stored).toBe(world.rows.length)
  expect(stats.waiting).toBe(0)
})

test('what comes after the stop is dropped, and counted', async () => {
  const world = makeWorld()
  await world.close()
  world.recordOutcome(makeOutcome(FAILED), NO_DIAGNOSTICS)
  await vi.advanceTimersByTimeAsync(1_000)
  expect(world.rows).toEqual([])
  expect(world.stats()).toMatchObject({ produced: 1, stored: 0, dropped: { closed: 1 }, waiting: 0 })
})
