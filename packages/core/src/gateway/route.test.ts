import { describe, expect, test } from 'vitest'
import { ClientLeft } from './client-left.ts'
import { GatewayError } from './errors.ts'
import type { AccountWait, Candidate, Lease } from './ports.ts'
import { ACCOUNT_WAIT_MS, findRoute, STICKY_ONLY_WAIT_MS } from './route.ts'
import { beginStory } from './story.ts'
import { fakeCall } from './testing/fake-call.ts'
import { fakeCandidate } from './testing/fake-candidate.ts'
import { CLOCK_START_MS } from './testing/fake-clock.ts'
import { createFakePorts } from './testing/fake-ports.ts'
import { cooling, full } from './testing/selection.ts'

const LEASE: Lease = { release() {} }

interface RouteInput {
  candidates: Candidate[]
  call?: Parameters<typeof fakeCall>[0]
  tried?: number[]
  bound?: number
  wait?: (candidate: Candidate, wait: AccountWait) => Promise<Lease | null>
}

/** Looks for a route; what came of it: the account, or the error. */
async function route({ candidates, call = {}, tried = [], bound, wait }: RouteInput) {
  const ports = createFakePorts(wait === undefined ? { candidates } : { candidates, waitForAccount: wait })
  if (bound !== undefined) ports.bindings.set('3:s', bound)
  const story = beginStory(fakeCall(call))
  const found = await findRoute(story, new Set(tried), ports).then(
    ({ candidate }) => candidate.accountId,
    (error: unknown) => error,
  )
  return { found, story, ports }
}

function refusal(error: unknown): { code: string; retryAfterMs: number | null } | null {
  return error instanceof GatewayError ? { code: error.code, retryAfterMs: error.retryAfterMs } : null
}

const SESSION = { session: 's' }

test('a free account is taken without waiting, and its slot is held', async () => {
  const { found, story, ports } = await route({ candidates: [fakeCandidate(1)] })
  expect(found).toBe(1)
  expect(ports.heldNow()).toEqual(['account 1'])
  expect(ports.waits).toEqual([])
  expect(story).toMatchObject({ queueMs: 0, accountQueueMs: 0, decision: { chosen: 1 } })
})

test('a model nobody serves does not exist', async () => {
  expect(refusal((await route({ candidates: [] })).found)).toEqual({ code: 'model_not_found', retryAfterMs: null })
})

describe('when no account can serve it now, the caller may come back', () => {
  test.each([
    ['when the first one returns', [7_000, 12_000], 7_000],
    ['in whole seconds', [7_001], 8_000],
    ['in a second at least', [1], 1_000],
    ['in a minute at most', [61_000], 60_000],
  ])('%s', async (_, returns, retryAfterMs) => {
    const candidates = returns.map((ms, i) => cooling(fakeCandidate(i + 1), ms))
    expect(refusal((await route({ candidates })).found)).toEqual({ code: 'no_available_accounts', retryAfterMs })
  })

  test('in a minute where none returns by itself', async () => {
    const { found } = await route({ candidates: [fakeCandidate(1, { blocked: 'error' })] })
    expect(refusal(found)).toEqual({ code: 'no_available_accounts', retryAfterMs: 60_000 })
  })
})

describe('all full', () => {
  const three = () => [0, 9, 4].map((waiting, i) => full(i + 1, { live: { waiting } }))

  test('the queue of the least loaded is joined, then the next one’s where it is full', async () => {
    const { found, story, ports } = await route({
      candidates: three(),
      wait: async ({ accountId }) => (accountId === 3 ? LEASE : null),
    })
    expect(found).toBe(3)
    expect(ports.waits).toEqual([
      { accountId: 1, waitMs: ACCOUNT_WAIT_MS },
      { accountId: 3, waitMs: ACCOUNT_WAIT_MS },
    ])
    expect(story.decision).toMatchObject({ chosen: 3, candidates: [{ accountId: 3, reason: null }, {}, {}] })
  })

  test('after 30 s in all, or with every queue full, it is refused', async () => {
    const everyQueueFull = await route({ candidates: three(), wait: async () => null })
    expect(refusal(everyQueueFull.found)?.code).toBe('account_concurrency_limit')
    expect(everyQueueFull.ports.waits.map(({ accountId }) => accountId)).toEqual([1, 3, 2])
    expect(everyQueueFull.story.decision.chosen).toBeNull()
  })

  test('the time of waiting is one, whatever the queues', async () => {
    const { found, ports, story } = await waitingRoute(three(), (waitMs) => Math.min(waitMs, 20_000))
    expect(refusal(found)?.code).toBe('account_concurrency_limit')
    expect(ports.waits.map(({ waitMs }) => waitMs)).toEqual([30_000, 10_000])
    expect(story).toMatchObject({ queueMs: 30_000, accountQueueMs: 30_000 })
  })

  test('nobody waits in a group that would rather fail', async () => {
    const { found, ports } = await route({ candidates: three(), call: { group: { onBusy: 'fail' } } })
    expect(refusal(found)?.code).toBe('account_concurrency_limit')
    expect(ports.waits).toEqual([])
  })

  test('a caller who leaves meanwhile is gone, and the time he waited is known', async () => {
    const ports = createFakePorts({
      candidates: three(),
      waitForAccount: () => {
        ports.clock.advance(400)
        return Promise.reject(new ClientLeft())
      },
    })
    const story = beginStory(fakeCall())
    await expect(findRoute(story, new Set(), ports)).rejects.toBeInstanceOf(ClientLeft)
    expect(story.queueMs).toBe(400)
  })
})

/** A route whose waits all end in vain, after the time `waited` makes of what they were given. */
async function waitingRoute(candidates: Candidate[], waited: (waitMs: number) => number, bound?: number) {
  const ports = createFakePorts({
    candidates,
    async waitForAccount(_, { waitMs }) {
      ports.clock.advance(waited(waitMs))
      return null
    },
  })
  if (bound !== undefined) ports.bindings.set('3:s', bound)
  const story = beginStory(fakeCall(bound === undefined ? {} : SESSION))
  const found = await findRoute(story, new Set(), ports).then(
    ({ candidate }) => candidate.accountId,
    (error: unknown) => error,
  )
  return { found, story, ports }
}

describe('a session', () => {
  test('is bound to the account it gets', async () => {
    const { found, ports } = await route({ candidates: [fakeCandidate(1), fakeCandidate(2)], call: SESSION })
    expect(ports.bindings.get('3:s')).toBe(found)
  })

  test('waits for its account while another is free, then takes that', async () => {
    const { found, ports, story } = await waitingRoute([full(1), fakeCandidate(2)], (waitMs) => waitMs, 1)
    expect(ports.waits).toEqual([{ accountId: 1, waitMs: 1_500 }])
    expect(found).toBe(2)
    expect(ports.bindings.get('3:s')).toBe(2)
    expect(story).toMatchObject({ queueMs: 1_500, accountQueueMs: 1_500 })
    expect(story.decision.candidates).toContainEqual({ accountId: 1, reason: 'full' })
  })

  test('waits longer while none is', async () => {
    const { found, ports } = await route({
      candidates: [full(1), full(2)],
      call: SESSION,
      bound: 1,
      wait: async () => LEASE,
    })
    expect(ports.waits).toEqual([{ accountId: 1, waitMs: STICKY_ONLY_WAIT_MS }])
    expect(found).toBe(1)
  })

  test('that waited in vain for the only account is refused', async () => {
    const { found } = await waitingRoute([full(1)], (waitMs) => waitMs, 1)
    expect(refusal(found)?.code).toBe('account_concurrency_limit')
  })

  test('does not wait where its group would rather fail, but takes another', async () => {
    const { found, ports } = await route({
      candidates: [full(1), fakeCandidate(2)],
      call: { ...SESSION, group: { onBusy: 'fail' } },
      bound: 1,
    })
    expect(found).toBe(2)
    expect(ports.waits).toEqual([])
  })

  test('is none where the group wants none', async () => {
    const { ports, story } = await route({
      candidates: [fakeCandidate(1), fakeCandidate(2)],
      call: { ...SESSION, group: { stickiness: 'off' } },
      bound: 2,
    })
    expect(story.decision.rule).toBe('load')
    expect(ports.bindings.get('3:s')).toBe(2)
  })

  test('is its group’s own: the same name elsewhere is another', async () => {
    const { ports } = await route({ candidates: [fakeCandidate(1)], call: { ...SESSION, group: { id: 4 } } })
    expect([...ports.bindings.keys()]).toEqual(['4:s'])
  })
})

test('a slot that somebody else was faster to take is looked for again, not for ever', async () => {
  const ports = createFakePorts({ candidates: [fakeCandidate(1), fakeCandidate(2)] })
  let grasps = 0
  const taking = (tries: number) => ({
    ...ports,
    slots: { ...ports.slots, takeAccount: () => (++grasps >= tries ? LEASE : null) },
  })
  await findRoute(beginStory(fakeCall()), new Set(), taking(3))
  expect(grasps).toBe(3)
  grasps = 0
  await expect(findRoute(beginStory(fakeCall()), new Set(), taking(1_000))).rejects.toThrow(GatewayError)
  expect(grasps).toBe(8)
})

test('accounts tried are passed over', async () => {
  expect((await route({ candidates: [fakeCandidate(1), fakeCandidate(2)], tried: [1] })).found).toBe(2)
  expect(refusal((await route({ candidates: [fakeCandidate(1)], tried: [1] })).found)?.code).toBe(
    'no_available_accounts',
  )
})

test('health is judged by the wall clock', async () => {
  const candidate = fakeCandidate(1)
  candidate.live.health.coolingUntilMs = CLOCK_START_MS
  expect((await route({ candidates: [candidate] })).found).toBe(1)
})
