import { newAccountHealth } from '@turnpike/core/gateway/account-state'
import type { AdmitRequest, Candidate, Lease } from '@turnpike/core/gateway/ports'
import { describe, expect, test, vi } from 'vitest'
import { createInProcessSlots } from './in-process-slots.ts'
import { USER_WAIT_MS, WAITING_ROOM_EXTRA } from './user-slots.ts'

const NO_RATES = { requestsPerMinute: null, tokensPerMinute: null }
const stays = new AbortController().signal

function world() {
  const slots = createInProcessSlots({ monotonic: () => performance.now() })
  let n = 0
  function ask(over: Partial<AdmitRequest> = {}) {
    return slots.admit({
      requestId: `r${++n}`,
      userId: 1,
      userConcurrency: 1,
      keyId: 1,
      keyConcurrency: 0,
      keyRates: NO_RATES,
      groupId: 1,
      groupRates: NO_RATES,
      estimatedTokens: 0,
      onBusy: 'wait',
      client: stays,
      ...over,
    })
  }
  return { slots, ask }
}

function candidate(over: Partial<Candidate> = {}): Candidate {
  return {
    accountId: 1,
    provider: 'sandbox',
    protocol: 'responses+chat',
    upstreamModel: 'm',
    priority: 50,
    weight: 1,
    concurrency: 1,
    blocked: null,
    expiresAtMs: Number.POSITIVE_INFINITY,
    affinityDomain: null,
    live: { inFlight: 0, waiting: 0, ttftMs: null, health: newAccountHealth() },
    ...over,
  }
}

describe('user and key slots', () => {
  test('waiters are served in the order they came', async () => {
    const { ask } = world()
    const first = (await ask()) as Lease
    const order: number[] = []
    const waiting = [1, 2, 3].map(async (n) => {
      const lease = await ask()
      order.push(n)
      lease.release()
    })
    first.release()
    await Promise.all(waiting)
    expect(order).toEqual([1, 2, 3])
  })

  test('a waiter blocked only by its key does not hold back the other keys of its user', async () => {
    const { ask } = world()
    const a = await ask({ userConcurrency: 2, keyId: 1, keyConcurrency: 1 })
    const b = await ask({ userConcurrency: 2, keyId: 2 })
    let first = false
    void Promise.resolve(ask({ userConcurrency: 2, keyId: 1, keyConcurrency: 1 })).then(() => {
      first = true
    })
    const other = ask({ userConcurrency: 2, keyId: 2 })
    b.release()
    const lease = await other
    expect(first).toBe(false)
    lease.release()
    a.release()
    await Promise.resolve()
    await Promise.resolve()
    expect(first).toBe(true)
  })

  test('the waiting room holds concurrency + 20 waiters and refuses one more at once', async () => {
    const { ask, slots } = world()
    const held = await ask()
    const waiting = Array.from({ length: 1 + WAITING_ROOM_EXTRA }, () => Promise.resolve(ask()))
    expect(slots.waiters()).toBe(1 + WAITING_ROOM_EXTRA)
    expect(() => ask()).toThrowError(expect.objectContaining({ code: 'queue_full' }))
    held.release()
    for (const lease of waiting) (await lease).release()
    expect(slots.book.size).toBe(0)
  })

  test('who waits longer than 30 s is told which limit kept him out', async () => {
    vi.useFakeTimers()
    try {
      const { ask } = world()
      await ask({ userConcurrency: 5, keyConcurrency: 1 })
      const byKey = expect(ask({ userConcurrency: 5, keyConcurrency: 1 })).rejects.toMatchObject({
        code: 'key_concurrency_limit',
      })
      await ask({ userId: 2, keyId: 9 })
      const byUser = expect(ask({ userId: 2, keyId: 9 })).rejects.toMatchObject({ code: 'user_concurrency_limit' })
      vi.advanceTimersByTime(USER_WAIT_MS)
      await Promise.all([byKey, byUser])
    } finally {
      vi.useRealTimers()
    }
  })

  test('a caller who leaves the queue frees his place and takes no slot', async () => {
    const { ask, slots } = world()
    const held = await ask()
    const client = new AbortController()
    const waiting = Promise.resolve(ask({ client: client.signal }))
    client.abort()
    await expect(waiting).rejects.toThrow('left')
    expect(slots.waiters()).toBe(0)
    held.release()
    expect(slots.book.size).toBe(0)
  })

  test('a key limit holds after its user was idle, and limits of 0 mean none', async () => {
    const { ask } = world()
    const first = await ask({ userConcurrency: 0, keyConcurrency: 1 })
    first.release()
    await ask({ userConcurrency: 0, keyConcurrency: 1 })
    expect(() => ask({ userConcurrency: 0, keyConcurrency: 1, onBusy: 'fail' })).toThrowError(
      expect.objectContaining({ code: 'key_concurrency_limit' }),
    )
    for (let i = 0; i < 50; i++) await ask({ userId: 3, userConcurrency: 0, keyId: 7 })
  })

  test('a lease released twice gives one slot back', async () => {
    const { ask } = world()
    const lease = await ask()
    lease.release()
    lease.release()
    await ask()
    expect(() => ask({ onBusy: 'fail' })).toThrowError(expect.objectContaining({ code: 'user_concurrency_limit' }))
  })
})

describe('account slots', () => {
  test('a waiter gets the slot that is released, in order, and the count follows', async () => {
    const { slots } = world()
    const account = candidate()
    const held = await slots.takeAccount(account, 'a')
    expect(await slots.takeAccount(account, 'b')).toBeNull()
    const first = slots.waitForAccount(account, { requestId: 'c', waitMs: 1000, client: stays })
    const second = slots.waitForAccount(account, { requestId: 'd', waitMs: 1000, client: stays })
    expect(account.live.waiting).toBe(2)
    held?.release()
    const lease = await first
    expect(account.live.inFlight).toBe(1)
    lease?.release()
    ;(await second)?.release()
    expect(account.live).toMatchObject({ inFlight: 0, waiting: 0 })
  })

  test('a queue holds 100 waiters; one more is sent on, and time-outs yield nothing', async () => {
    const { slots } = world()
    const account = candidate()
    const held = await slots.takeAccount(account, 'a')
    const client = new AbortController()
    const waiting = Array.from({ length: 100 }, (_, n) =>
      slots.waitForAccount(account, { requestId: `w${n}`, waitMs: 60_000, client: client.signal }).catch(() => 'left'),
    )
    expect(await slots.waitForAccount(account, { requestId: 'x', waitMs: 60_000, client: stays })).toBeNull()
    client.abort()
    expect(new Set(await Promise.all(waiting))).toEqual(new Set(['left']))
    expect(await slots.waitForAccount(account, { requestId: 'y', waitMs: 1, client: stays })).toBeNull()
    held?.release()
    expect(account.live).toMatchObject({ inFlight: 0, waiting: 0 })
  })

  test('a limit widened while somebody waits serves him before a newcomer', async () => {
    const { slots } = world()
    const account = candidate()
    await slots.takeAccount(account, 'a')
    const waiting = slots.waitForAccount(account, { requestId: 'b', waitMs: 1000, client: stays })
    const wider = { ...account, concurrency: 2 }
    expect(await slots.takeAccount(wider, 'c')).toBeNull()
    expect(await waiting).not.toBeNull()
  })
})
