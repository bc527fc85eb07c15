import type { GatewayErrorCode } from '@turnpike/core/gateway/errors'
import type { Outcome } from '@turnpike/core/gateway/outcome'
import { insertOutcomes } from '@turnpike/db'
import { makeOutcome, requestIdAt } from '@turnpike/db/testing/outcome'
import { expect, test } from 'vitest'
import { type TrpcWorld, trpcWorld } from '../../../testing/trpc-world.ts'
import { errorRow } from '../errors/error-row.ts'
import type { Failure } from '../errors/failure.ts'
import { createErrorInsert } from '../errors/insert-errors.ts'

const CONTEXT = { instanceId: 'i-1', count: 1, providerOf: () => 'openai' }

interface Entry {
  kind: 'request' | 'refusal'
  requestId: string
  createdAt: string
  errors: { source: string; code: string }[]
}

async function book(world: TrpcWorld, ...outcomes: Outcome[]) {
  await insertOutcomes(
    world.database.sql,
    outcomes.map((outcome) => JSON.stringify(outcome)),
  )
}

async function log(world: TrpcWorld, ...failures: Failure[]) {
  await createErrorInsert(world.database)(failures.map((failure) => errorRow(failure, CONTEXT)))
}

function refusal(atMs: number, code: GatewayErrorCode, keyId: number | null = 2): Failure & { kind: 'refusal' } {
  return {
    kind: 'refusal',
    code,
    refusal: {
      requestId: requestIdAt(atMs - 3),
      clientRequestId: null,
      createdAtMs: atMs - 3,
      endedAtMs: atMs,
      code,
      endpoint: '/v1/responses',
      path: '/v1/responses',
      stream: null,
      model: 'gpt-4o-mini',
      userId: keyId === null ? null : 1,
      keyId,
      groupId: null,
      clientIp: '192.0.2.1',
      userAgent: null,
      totalMs: 3,
    },
  }
}

async function list(world: TrpcWorld, cookie: string, input: object = {}) {
  const { data } = await world.get('ops.requests.list', { cookie, input })
  return data as { items: Entry[]; nextCursor: string | null }
}

test('the ledger and what was turned away are one list, newest first, each once whatever the page', async () => {
  await using world = await trpcWorld()
  const { cookie } = await world.signIn('viewer')
  const nowMs = world.clock.now()
  const outcomes = Array.from({ length: 20 }, (_, at) => makeOutcome({ createdAtMs: nowMs - at * 1_000 }))
  // Of every second moment there are both, and two of each.
  const refusals = Array.from({ length: 20 }, (_, at) => refusal(nowMs - (at >> 1) * 2_000, 'requests_per_minute'))
  await book(world, ...outcomes)
  await log(world, ...refusals)
  const whole = (await list(world, cookie, { limit: 500 })).items
  expect(whole).toHaveLength(40)
  expect(whole.map(({ createdAt }) => createdAt)).toEqual(
    whole
      .map(({ createdAt }) => createdAt)
      .toSorted()
      .reverse(),
  )
  const paged: Entry[] = []
  for (let cursor: string | null | undefined; cursor !== null; ) {
    const page = await list(world, cookie, { limit: 7, ...(cursor ? { cursor } : {}) })
    paged.push(...page.items)
    cursor = page.nextCursor
  }
  expect(paged).toEqual(whole)
})

test('filters find what they say, and what was turned away is not asked for what it cannot have', async () => {
  await using world = await trpcWorld()
  const { cookie } = await world.signIn('viewer')
  const nowMs = world.clock.now()
  await book(
    world,
    makeOutcome({ createdAtMs: nowMs - 5, keyId: 2 }),
    makeOutcome({ createdAtMs: nowMs - 9, keyId: 3, outcome: 'failed', errorCode: 'upstream_failed', status: 502 }),
    makeOutcome({ createdAtMs: nowMs - 7_200_000 }),
  )
  await log(world, refusal(nowMs - 1, 'invalid_api_key', null), refusal(nowMs - 2, 'model_not_found'))
  const kinds = async (input: object) => (await list(world, cookie, input)).items.map(({ kind }) => kind)
  expect(await kinds({})).toEqual(['refusal', 'refusal', 'request', 'request', 'request'])
  expect(await kinds({ range: '1h' })).toEqual(['refusal', 'refusal', 'request', 'request'])
  expect(await kinds({ kind: 'refusal' })).toEqual(['refusal', 'refusal'])
  expect(await kinds({ kind: 'request', range: '1h' })).toEqual(['request', 'request'])
  expect(await kinds({ keyId: 2, range: '1h' })).toEqual(['refusal', 'request'])
  expect(await kinds({ accountId: 4, range: '1h' })).toEqual(['request', 'request'])
  expect(await kinds({ outcome: 'failed' })).toEqual(['request'])
  expect(await kinds({ code: 'upstream_failed' })).toEqual(['request'])
  expect(await kinds({ code: 'invalid_api_key' })).toEqual(['refusal'])
})

test('a request is found by the id it was answered with, however old, and by the one its caller gave it', async () => {
  await using world = await trpcWorld()
  const { cookie } = await world.signIn('viewer')
  const nowMs = world.clock.now()
  const old = makeOutcome({ createdAtMs: nowMs - 20 * 86_400_000, clientRequestId: 'ticket-1' })
  const young = makeOutcome({ createdAtMs: nowMs - 3 * 86_400_000, clientRequestId: 'ticket-1', status: 200 })
  const turnedAway = refusal(nowMs - 1, 'model_not_found')
  await book(world, old, young)
  await log(world, { ...turnedAway, refusal: { ...turnedAway.refusal, clientRequestId: 'ticket-2' } })
  const ids = async (input: object) => (await list(world, cookie, input)).items.map(({ requestId }) => requestId)
  expect(await ids({ requestId: old.requestId })).toEqual([old.requestId])
  expect(await ids({ requestId: turnedAway.refusal.requestId })).toEqual([turnedAway.refusal.requestId])
  expect(await ids({ clientRequestId: 'ticket-1' })).toEqual([young.requestId])
  expect(await ids({ clientRequestId: 'ticket-1', range: '30d' })).toEqual([young.requestId, old.requestId])
  expect(await ids({ clientRequestId: 'ticket-2' })).toEqual([turnedAway.refusal.requestId])
  expect(await ids({ status: 404 })).toEqual([turnedAway.refusal.requestId])
  expect(await ids({ endpoint: '/v1/responses', range: '7d' })).toEqual([turnedAway.refusal.requestId])
})

test('one request tells its choice and its errors; one that was turned away, why; another is not there', async () => {
  await using world = await trpcWorld()
  const { cookie } = await world.signIn('viewer')
  const nowMs = world.clock.now()
  const outcome = makeOutcome({
    createdAtMs: nowMs - 50,
    outcome: 'exhausted',
    errorCode: 'upstream_failed',
    status: 502,
  })
  const turnedAway = refusal(nowMs - 1, 'invalid_api_key', null)
  await book(world, outcome)
  await log(world, turnedAway, {
    kind: 'request',
    code: 'upstream_failed',
    outcome,
    diagnostics: { isInLedger: true, upstreamErrors: [], fault: undefined },
  })
  const get = (requestId: string) => world.get('ops.requests.get', { cookie, input: { requestId } })
  expect((await get(outcome.requestId)).data).toMatchObject({
    kind: 'request',
    decision: outcome.decision,
    attempts: outcome.attempts,
    errorCode: 'upstream_failed',
    errors: [{ source: 'request', code: 'upstream_failed' }],
  })
  expect((await get(turnedAway.refusal.requestId)).data).toMatchObject({
    kind: 'refusal',
    code: 'invalid_api_key',
    status: 401,
    errors: [{ source: 'refusal' }],
  })
  expect((await get(requestIdAt(nowMs))).status).toBe(404)
})

test('what was admitted and reached no upstream is in no ledger, and was turned away', async () => {
  await using world = await trpcWorld()
  const { cookie } = await world.signIn('viewer')
  const outcome = makeOutcome({
    createdAtMs: world.clock.now() - 50,
    endedAtMs: world.clock.now() - 40,
    outcome: 'failed',
    errorCode: 'model_not_found',
    status: 404,
    attempts: [],
  })
  const diagnostics = { isInLedger: false, upstreamErrors: [], fault: undefined }
  await log(world, { kind: 'request', code: 'model_not_found', outcome, diagnostics })
  const { items } = await list(world, cookie, { keyId: 2 })
  expect(items).toMatchObject([{ kind: 'refusal', requestId: outcome.requestId, code: 'model_not_found', status: 404 }])
})

test.each([
  [{ cursor: 'x' }, 'cursor'],
  [{ range: '1h', from: '2026-01-01T00:00:00Z' }, 'range'],
  [{ from: '2026-01-02T00:00:00Z', to: '2026-01-01T00:00:00Z' }, 'from'],
])('%j is refused, naming the field', async (input, field) => {
  await using world = await trpcWorld()
  const { cookie } = await world.signIn('viewer')
  const answer = await world.get('ops.requests.list', { cookie, input })
  expect(answer.status).toBe(400)
  expect(JSON.stringify(answer)).toContain(field)
})
