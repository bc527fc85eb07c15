import type { FaultInput } from '@turnpike/sandbox'
import { describe, expect, test } from 'vitest'
import { systemClock } from '../../apps/server/src/shared/system-clock.ts'
import { startGatedUpstream } from '../support/gated-upstream.ts'
import { errorOf, type GatewayWorld, startGatewayWorld } from '../support/gateway-world.ts'
import { sendJson, startRawUpstream } from '../support/raw-upstream.ts'

/** Faults for every request, or by the one that `times` ends. */
type StatusFault = Omit<Extract<FaultInput, { kind: 'status' }>, 'kind'>

const MINUTE = 60

interface Learnt {
  answer: FaultInput
  /** Of the account, after it. */
  status?: string
  statusReason?: string
  /** Seconds from now, for the whole account or for the model. */
  cooling?: number
  modelCooling?: number
  reason?: string
  event: string | null
}

function status(answer: StatusFault, learnt: Omit<Learnt, 'answer'>): Learnt {
  return { answer: { kind: 'status', ...answer }, ...learnt }
}

const LIMITED = { event: 'model_cooling', reason: 'rate_limited' }

const LESSONS: Record<string, Learnt> = {
  '401': status({ status: 401 }, { cooling: 10 * MINUTE, reason: 'unauthorized', event: 'cooling' }),
  '402': status({ status: 402 }, { status: 'error', statusReason: 'payment_required', event: 'error' }),
  '429 insufficient_quota': status(
    { status: 429, code: 'insufficient_quota' },
    { status: 'error', statusReason: 'payment_required', event: 'error' },
  ),
  '429 billing_hard_limit_reached': status(
    { status: 429, code: 'billing_hard_limit_reached' },
    { status: 'error', statusReason: 'payment_required', event: 'error' },
  ),
  '403 in JSON': status({ status: 403 }, { cooling: 10 * MINUTE, reason: 'forbidden', event: 'cooling' }),
  '403 as a page': {
    answer: { kind: 'html', status: 403 },
    cooling: MINUTE,
    reason: 'forbidden_page',
    event: 'cooling',
  },
  '429 without a hint': status({ status: 429 }, { modelCooling: 5, ...LIMITED }),
  '429 with retry-after': status({ status: 429, retryAfter: 90 }, { modelCooling: 90, ...LIMITED }),
  '429 with a date': status({ status: 429, retryAfterDate: 120 }, { modelCooling: 120, ...LIMITED }),
  '429 with retry-after-ms': status(
    { status: 429, retryAfterMs: 45_000, retryAfter: 90 },
    { modelCooling: 45, ...LIMITED },
  ),
  '429 with resets of requests and tokens': status(
    { status: 429, resetRequests: '1.5s', resetTokens: '6m0s' },
    { modelCooling: 6 * MINUTE, ...LIMITED },
  ),
  '429 with resets_in_seconds': status({ status: 429, resetsInSeconds: 1_200 }, { modelCooling: 1_200, ...LIMITED }),
  '429 with resets_in_seconds of two hours': status(
    { status: 429, resetsInSeconds: 7_200 },
    { modelCooling: 60 * MINUTE, ...LIMITED },
  ),
  '429 with resets_at in two days': status(
    { status: 429, resetsAt: 2 * 86_400 },
    { modelCooling: 2 * 86_400, ...LIMITED },
  ),
  '429 with resets_at in ten days': status(
    { status: 429, resetsAt: 10 * 86_400 },
    { modelCooling: 7 * 86_400, ...LIMITED },
  ),
  '529': status({ status: 529 }, { cooling: 30, reason: 'overloaded', event: 'cooling' }),
  '503 server_is_overloaded': status(
    { status: 503, code: 'server_is_overloaded' },
    { cooling: 30, reason: 'overloaded', event: 'cooling' },
  ),
  '503 slow_down': status({ status: 503, code: 'slow_down' }, { cooling: 30, reason: 'overloaded', event: 'cooling' }),
  'rate_limit_exceeded as first event': {
    answer: { kind: 'error_event', code: 'rate_limit_exceeded' },
    modelCooling: 5,
    ...LIMITED,
  },
  'slow_down as first event': {
    answer: { kind: 'error_event', code: 'slow_down' },
    cooling: 30,
    reason: 'overloaded',
    event: 'cooling',
  },
  'insufficient_quota as first event': {
    answer: { kind: 'error_event', code: 'insufficient_quota' },
    status: 'error',
    statusReason: 'payment_required',
    event: 'error',
  },
  '500, once': status({ status: 500 }, { event: null }),
  'a cut, once': { answer: { kind: 'cut' }, event: null },
  '400': status({ status: 400 }, { event: null }),
  '404 model_not_found': status({ status: 404, code: 'model_not_found' }, { event: null }),
  'an answer': { answer: { kind: 'split', bytes: 100 }, event: null },
}

test('an account learns from what its upstream answers, and the database with it', async () => {
  const names = Object.keys(LESSONS)
  await using world = await startGatewayWorld({ accounts: names.map((name) => ({ name, models: [name] })) })
  const begunAt = performance.now()
  for (const [index, name] of names.entries()) {
    const { answer } = LESSONS[name] ?? {}
    if (answer) world.setFault(answer, index)
    await world.chat({ model: name, stream: true })
  }
  const expected = names.filter((name) => LESSONS[name]?.event !== null)
  const events = () => world.sql<{ name: string }[]>`
    select a.name, e.kind, e.reason, e.model, extract(epoch from e.until - e.at)::float as seconds
    from account_events e join accounts a on a.id = e.account_id order by a.id, e.id`
  await expect.poll(async () => (await events()).map(({ name }) => name)).toEqual(expected)
  await world.gateway.recordAccounts()

  const rows = await world.sql<Record<string, unknown>[]>`
    select name, status, status_reason as "statusReason", cooling_reason as "coolingReason",
      extract(epoch from cooling_until - now())::float as cooling,
      extract(epoch from (model_cooling->0->>'until')::timestamptz - now())::float as "modelCooling",
      model_cooling->0->>'model' as model
    from accounts order by id`
  const sinceSeconds = (performance.now() - begunAt) / 1_000
  for (const { name, cooling, modelCooling, ...row } of rows) {
    const lesson = LESSONS[String(name)]
    expect({ name, ...row }).toEqual({
      name,
      status: lesson?.status ?? 'active',
      statusReason: lesson?.statusReason ?? null,
      coolingReason: lesson?.cooling === undefined ? null : lesson.reason,
      model: lesson?.modelCooling === undefined ? null : name,
    })
    expectSeconds(`${name}: cooling`, cooling, lesson?.cooling, sinceSeconds)
    expectSeconds(`${name}: modelCooling`, modelCooling, lesson?.modelCooling, sinceSeconds)
  }
})

/** They were counted at some time since the test began, and dates have no fractions. */
function expectSeconds(what: string, actual: unknown, wanted: number | undefined, sinceSeconds: number): void {
  if (wanted === undefined) return expect(actual, what).toBeNull()
  expect(Number(actual), what).toBeGreaterThan(wanted - 2 - sinceSeconds)
  expect(Number(actual), what).toBeLessThanOrEqual(wanted + 2)
}

/** A world whose clock stands still but for what the test lets pass. */
async function startWorldInTime(options: Parameters<typeof startGatewayWorld>[0] = {}) {
  let nowMs = Date.now()
  const clock = { ...systemClock, now: () => nowMs }
  const world = await startGatewayWorld({ ...options, clock })
  return {
    ...world,
    pass(seconds: number) {
      nowMs += seconds * 1_000
    },
  }
}

async function stateOf({ sql, accountIds: [id = 0] }: Pick<GatewayWorld, 'sql' | 'accountIds'>) {
  const [row] = await sql`select status, status_reason as "statusReason" from accounts where id = ${id}`
  return row
}

describe('what happens again', () => {
  test('401 a second time within 30 minutes needs an administrator', async () => {
    await using world = await startWorldInTime({ accounts: [{}] })
    world.setFault({ kind: 'status', status: 401, times: 2 })
    expect(errorOf(await world.chat()).code).toBe('upstream_auth')
    expect(errorOf(await world.chat()).code).toBe('no_available_accounts')
    world.pass(601)
    expect(errorOf(await world.chat()).code).toBe('upstream_auth')
    await expect.poll(() => stateOf(world)).toEqual({ status: 'error', statusReason: 'unauthorized' })
    world.pass(86_400)
    expect(errorOf(await world.chat()).code).toBe('no_available_accounts')
    await world.sql`update accounts set status = 'active', status_reason = null`
    await world.gateway.reload()
    expect((await world.chat()).status).toBe(200)
  })

  test('403 a third time within 3 hours needs an administrator', async () => {
    await using world = await startWorldInTime({ accounts: [{}] })
    world.setFault({ kind: 'status', status: 403 })
    for (let time = 0; time < 3; time++) {
      expect(errorOf(await world.chat()).code).toBe('upstream_forbidden')
      world.pass(601)
    }
    await expect.poll(() => stateOf(world)).toEqual({ status: 'error', statusReason: 'forbidden' })
  })

  test('overload cools twice as long each time, and an answer ends that', async () => {
    await using world = await startWorldInTime({ accounts: [{}] })
    world.setFault({ kind: 'status', status: 529, times: 3 })
    for (const seconds of [30, 60, 120]) {
      expect(errorOf(await world.chat()).code).toBe('upstream_overloaded')
      expect(await retryAfter(world)).toBe(Math.min(seconds, 60))
      world.pass(seconds + 1)
    }
    expect((await world.chat()).status).toBe(200)
    world.setFault({ kind: 'status', status: 529, times: 1 })
    await world.chat()
    expect(await retryAfter(world)).toBe(30)
  })

  test('a rate limit without a hint cools the model twice as long each time, up to 5 minutes', async () => {
    await using world = await startWorldInTime({ accounts: [{}] })
    world.setFault({ kind: 'status', status: 429 })
    for (const seconds of [5, 10, 20, 40, 80, 160, 300, 300]) {
      expect(errorOf(await world.chat()).code).toBe('upstream_rate_limit')
      expect(await retryAfter(world)).toBe(Math.min(seconds, 60))
      world.pass(seconds + 1)
    }
  })

  test('a rate limit cools its model only, a second one within 60 s the whole account', async () => {
    await using world = await startWorldInTime({ accounts: [{}] })
    world.setFault({ kind: 'status', status: 429, retryAfter: 20, model: 'a' })
    world.setFault({ kind: 'status', status: 429, retryAfter: 20, model: 'b' })
    expect((await world.chat({ model: 'a' })).status).toBe(429)
    expect((await world.chat({ model: 'c' })).status).toBe(200)
    expect((await world.chat({ model: 'b' })).status).toBe(429)
    expect(errorOf(await world.chat({ model: 'c' })).code).toBe('no_available_accounts')
    world.pass(21)
    expect((await world.chat({ model: 'c' })).status).toBe(200)
  })

  test('5 failures in a row open the breaker; one probe closes it', async () => {
    await using world = await startWorldInTime({ accounts: [{ priority: 1 }, { priority: 2 }] })
    const [broken, other] = world.sandboxes
    world.setFault({ kind: 'status', status: 500, times: 5 })
    for (let time = 0; time < 6; time++) expect((await world.chat()).status).toBe(200)
    expect([broken?.requests.length, other?.requests.length]).toEqual([5, 6])
    world.pass(31)
    expect((await world.chat()).headers.get('x-turnpike-attempts')).toBe('1')
    expect(broken?.requests.length).toBe(6)
    await expect
      .poll(() => world.sql`select kind from account_events order by id`)
      .toEqual([{ kind: 'breaker_opened' }, { kind: 'breaker_closed' }])
  })

  test('where every account of a group would be out, the breakers do not count', async () => {
    await using world = await startGatewayWorld({ accounts: [{}] })
    world.setFault({ kind: 'status', status: 500, times: 5 })
    for (let time = 0; time < 5; time++) expect((await world.chat()).status).toBe(502)
    expect((await world.chat()).status).toBe(200)
  })
})

test('an account that failed for good stays out also while the database has not heard of it', async () => {
  await using world = await startGatewayWorld()
  world.setFault({ kind: 'status', status: 402 })
  expect(errorOf(await world.chat()).code).toBe('upstream_auth')
  await world.gateway.reload()
  expect(errorOf(await world.chat()).code).toBe('no_available_accounts')
})

test('an administrator who clears an account lets it serve again at once', async () => {
  await using world = await startGatewayWorld()
  const [id = 0] = world.accountIds
  world.setFault({ kind: 'status', status: 529, times: 1 })
  world.setFault({ kind: 'status', status: 402, times: 1 })
  for (let time = 0; time < 2; time++) {
    await world.chat()
    expect(errorOf(await world.chat()).code).toBe('no_available_accounts')
    await world.gateway.accountRuntime.clear(id)
  }
  expect((await world.chat()).status).toBe(200)
  await world.gateway.recordAccounts()
  expect(await world.sql`select cooling_until, cooling_reason from accounts`).toEqual([
    { cooling_until: null, cooling_reason: null },
  ])
})

describe('no account can serve: the caller is told to come again', () => {
  test.each<[string, FaultInput | null, object, number]>([
    ['when the model may be asked again', { kind: 'status', status: 429, retryAfter: 7 }, {}, 7],
    ['in a minute at most', { kind: 'status', status: 429, retryAfter: 300 }, {}, 60],
    ['in a second at least', { kind: 'status', status: 429, retryAfterMs: 300 }, {}, 1],
    ['in a minute where nobody comes back by himself', { kind: 'status', status: 402 }, {}, 60],
    ['in a minute where nobody may be asked', null, { schedulable: false }, 60],
    ['in a minute where the account has expired', null, { expiresAt: new Date(0) }, 60],
  ])('%s', async (_, fault, account, seconds) => {
    await using world = await startWorldInTime({ accounts: [account] })
    if (fault) {
      world.setFault(fault)
      await world.chat()
    }
    expect(await retryAfter(world)).toBe(seconds)
  })

  test('the first of several counts', async () => {
    await using world = await startWorldInTime({ accounts: [{}, {}] })
    world.setFault({ kind: 'status', status: 429, retryAfter: 40 }, 0)
    world.setFault({ kind: 'status', status: 429, retryAfter: 9 }, 1)
    expect(errorOf(await world.chat()).code).toBe('upstream_rate_limit')
    expect(await retryAfter(world)).toBe(9)
  })

  test('also where the last one has just used up its quota', async () => {
    await using world = await startWorldInTime()
    world.setFault({ kind: 'status', status: 429, code: 'insufficient_quota' })
    expect(await retryAfter(world)).toBe(60)
  })
})

/** Seconds after which a caller who finds no account is to come again. */
async function retryAfter(world: Pick<GatewayWorld, 'chat'>): Promise<number> {
  const answer = await world.chat()
  expect(answer.status).toBe(503)
  expect(errorOf(answer).code).toBe('no_available_accounts')
  const seconds = Number(answer.headers.get('retry-after'))
  expect(Math.ceil(Number(answer.headers.get('retry-after-ms')) / 1_000)).toBe(seconds)
  return seconds
}

describe('how often a request is tried', () => {
  const CALLERS = 30
  const EXTRA_ATTEMPTS = 10

  test.each([
    [0, 1],
    [1, 2],
    [3, 4],
    [9, 6],
  ])('with %i switches %i of 6 accounts are asked, none twice', async (maxAccountSwitches, attempts) => {
    await using world = await startGatewayWorld({ group: { maxAccountSwitches }, accounts: Array(6).fill({}) })
    for (const [index] of world.sandboxes.entries()) world.setFault({ kind: 'status', status: 500 }, index)
    const answer = await world.chat()
    expect(answer.headers.get('x-turnpike-attempts')).toBe(String(attempts))
    const asked = world.sandboxes.map(({ requests }) => requests.length)
    expect(asked.reduce((sum, times) => sum + times, 0)).toBe(attempts)
    expect(Math.max(...asked)).toBe(1)
    const [row] = await world.ledger()
    expect(row).toMatchObject({ outcome: 'exhausted', billedNano: 0n })
    expect(row?.attempts).toHaveLength(attempts)
  })

  test('10 extra attempts may run at once; who would be the eleventh gets the error, and his row says why', async () => {
    const failing: (() => void)[] = []
    await using broken = await startRawUpstream((response) => {
      failing.push(() => sendJson(response, '{}', 500))
      // All of them at once, however slowly they came.
      if (failing.length === CALLERS) for (const fail of failing) fail()
    })
    await using slow = await startGatedUpstream()
    await using world = await startGatewayWorld({
      accounts: [
        { baseUrl: broken.baseUrl, priority: 1 },
        { baseUrl: slow.baseUrl, priority: 2 },
      ],
    })
    const asked = Array.from({ length: CALLERS }, () => world.chat())
    let answered = 0
    for (const answer of asked) void answer.then(() => answered++)
    await expect.poll(() => answered).toBe(CALLERS - EXTRA_ATTEMPTS)
    await expect.poll(slow.inFlight).toBe(EXTRA_ATTEMPTS)
    slow.open()
    const answers = await Promise.all(asked)
    expect(Map.groupBy(answers, ({ status }) => status).get(200)).toHaveLength(EXTRA_ATTEMPTS)
    const refused = answers.filter(({ status }) => status !== 200)
    expect(new Set(refused.map((answer) => errorOf(answer).code))).toEqual(new Set(['upstream_unavailable']))
    expect(slow.maxInFlight()).toBe(EXTRA_ATTEMPTS)
    const marked = (await world.ledger()).filter(({ decision }) => decision.retryBudgetUsed === true)
    expect(marked.map(({ requestId }) => requestId).sort()).toEqual(
      refused.map(({ headers }) => headers.get('x-request-id')).sort(),
    )
  })

  test('nobody else is asked once the caller has left', async () => {
    await using world = await startGatewayWorld({ accounts: [{ priority: 1 }, { priority: 2 }] })
    const leaving = new AbortController()
    world.setFault({ kind: 'no_answer' }, 0)
    const left = world.chat({ stream: true }, { signal: leaving.signal }).catch(() => 'left')
    await expect.poll(() => world.sandboxes[0]?.status().inFlight).toBe(1)
    leaving.abort()
    expect(await left).toBe('left')
    expect(await world.ledger()).toMatchObject([{ outcome: 'client_closed', status: 499, errorCode: null }])
    expect(world.sandboxes[1]?.requests).toEqual([])
    await expect.poll(() => world.sandboxes[0]?.status().inFlight).toBe(0)
  })
})
