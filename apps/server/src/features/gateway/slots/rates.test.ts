import { GatewayError } from '@turnpike/core/gateway/errors'
import type { Admission, AdmitRequest, RateLimits } from '@turnpike/core/gateway/ports'
import { describe, expect, test } from 'vitest'
import { createInProcessSlots } from './in-process-slots.ts'
import { WAITING_ROOM_EXTRA } from './user-slots.ts'

const NO_RATES: RateLimits = { requestsPerMinute: null, tokensPerMinute: null }
const requests = (requestsPerMinute: number): RateLimits => ({ ...NO_RATES, requestsPerMinute })
const tokens = (tokensPerMinute: number): RateLimits => ({ ...NO_RATES, tokensPerMinute })

function world() {
  let now = 0
  const slots = createInProcessSlots({ monotonic: () => now })
  const caller = (over: Partial<AdmitRequest>): AdmitRequest => ({
    requestId: 'r',
    userId: 1,
    userConcurrency: 0,
    keyId: 1,
    keyConcurrency: 0,
    keyRates: NO_RATES,
    groupId: 1,
    groupRates: NO_RATES,
    estimatedTokens: 0,
    onBusy: 'wait',
    client: new AbortController().signal,
    ...over,
  })

  function admit(over: Partial<AdmitRequest>): Admission {
    const admission = slots.admit(caller(over))
    if (admission instanceof Promise) throw new Error('it waits')
    return admission
  }

  return {
    slots,
    admit,
    pass(ms: number) {
      now += ms
    },
    waitFor: (over: Partial<AdmitRequest>) => Promise.resolve(slots.admit(caller(over))),
    left: (over: Partial<AdmitRequest>) => slots.ratesLeft(caller(over)),
    refusal(over: Partial<AdmitRequest>): GatewayError {
      try {
        void slots.admit(caller(over))
      } catch (error) {
        if (error instanceof GatewayError) return error
      }
      throw new Error('it was admitted')
    },
  }
}

describe('requests per minute', () => {
  test('of a key: the limit passes, one more is told when the first is a minute old', () => {
    const { admit, refusal, pass } = world()
    const rated = { keyRates: requests(2) }
    expect(admit(rated).rates).toEqual({ requests: { limit: 2, remaining: 1, resetMs: 60_000 }, tokens: null })
    pass(10_000.5)
    expect(admit(rated).rates?.requests).toEqual({ limit: 2, remaining: 0, resetMs: 60_000 })
    expect(refusal(rated)).toMatchObject({
      code: 'requests_per_minute',
      retryAfterMs: 50_000,
      rates: { requests: { limit: 2, remaining: 0, resetMs: 60_000 }, tokens: null },
    })
    pass(49_999)
    expect(refusal(rated).retryAfterMs).toBe(1)
    pass(1)
    admit(rated)
  })

  test('of a group count all its keys, and no other group', () => {
    const { admit, refusal } = world()
    const groupRates = requests(2)
    admit({ keyId: 1, userId: 1, groupRates })
    admit({ keyId: 2, userId: 2, groupRates })
    expect(refusal({ keyId: 3, userId: 3, groupRates }).code).toBe('requests_per_minute')
    admit({ keyId: 3, userId: 3, groupId: 2, groupRates })
  })

  test('tell the tighter of key and group', () => {
    const { admit } = world()
    const groupRates = requests(10)
    expect(admit({ keyRates: requests(5), groupRates }).rates?.requests).toMatchObject({ limit: 5, remaining: 4 })
    for (let keyId = 2; keyId <= 8; keyId++) admit({ keyId, groupRates })
    expect(admit({ keyRates: requests(5), groupRates }).rates?.requests).toMatchObject({ limit: 10, remaining: 1 })
  })
})

describe('who is refused is not counted', () => {
  const rated = { keyRates: requests(1), groupRates: requests(100) }
  const group = { groupRates: requests(100) }

  test('by a rate', () => {
    const { admit, refusal, left } = world()
    admit(rated)
    for (let n = 0; n < 5; n++) refusal(rated)
    expect(left(group)?.requests?.remaining).toBe(99)
  })

  test('by the other rate', () => {
    const { refusal, left } = world()
    const keyRates = { requestsPerMinute: 5, tokensPerMinute: 10 }
    expect(refusal({ keyRates, estimatedTokens: 11 }).code).toBe('tokens_per_minute')
    expect(left({ keyRates })).toMatchObject({ requests: { remaining: 5 }, tokens: { remaining: 10 } })
  })

  test('by a full room, a busy key, a caller who leaves the queue', async () => {
    const { admit, refusal, waitFor, left } = world()
    const busy = { ...group, userConcurrency: 1 }
    const held = admit(busy)
    const client = new AbortController()
    const waiting = Array.from({ length: 1 + WAITING_ROOM_EXTRA }, () => waitFor({ ...busy, client: client.signal }))
    expect(left(group)?.requests?.remaining).toBe(100 - 1 - waiting.length)
    expect(refusal(busy).code).toBe('queue_full')
    expect(refusal({ ...busy, onBusy: 'fail' }).code).toBe('user_concurrency_limit')
    expect(left(group)?.requests?.remaining).toBe(100 - 1 - waiting.length)
    client.abort()
    await Promise.allSettled(waiting)
    expect(left(group)?.requests?.remaining).toBe(99)
    held.release()
  })

  test('nor who is withdrawn, once', () => {
    const { admit, left } = world()
    const both = { keyRates: { requestsPerMinute: 10, tokensPerMinute: 100 }, estimatedTokens: 40 }
    admit(both)
    const admission = admit(both)
    admission.release()
    admission.withdraw()
    admission.withdraw()
    admission.settleTokens(90)
    expect(left(both)).toMatchObject({ requests: { remaining: 9 }, tokens: { remaining: 60 } })
  })

  test('but a waiter who is served was', async () => {
    const { admit, waitFor } = world()
    const busy = { ...group, userConcurrency: 1 }
    const held = admit(busy)
    const waiting = waitFor(busy)
    held.release()
    expect((await waiting).rates?.requests?.remaining).toBe(98)
  })
})

describe('tokens per minute', () => {
  const rated = { keyRates: tokens(100), estimatedTokens: 60 }

  test('are estimated first and corrected at the end, once', () => {
    const { admit, refusal, left } = world()
    const first = admit(rated)
    expect(refusal(rated)).toMatchObject({ code: 'tokens_per_minute', retryAfterMs: 60_000 })
    first.settleTokens(10)
    first.settleTokens(0)
    expect(left(rated)?.tokens).toMatchObject({ limit: 100, remaining: 90 })
    admit(rated).settleTokens(150)
    expect(left(rated)?.tokens?.remaining).toBe(0)
    expect(refusal({ ...rated, estimatedTokens: 1 }).code).toBe('tokens_per_minute')
  })

  test('beyond the estimate count from when they are known, those below it are taken back where they were counted', () => {
    const { admit, pass, left } = world()
    const long = admit(rated)
    pass(50_000)
    const short = admit({ ...rated, estimatedTokens: 30 })
    pass(20_000)
    long.settleTokens(80)
    expect(left(rated)?.tokens?.remaining).toBe(100 - 30 - 20)
    short.settleTokens(5)
    expect(left(rated)?.tokens?.remaining).toBe(100 - 5 - 20)
    pass(40_000)
    expect(left(rated)?.tokens?.remaining).toBe(100 - 20)
  })

  test('beyond the estimate count even when the key was idle and swept meanwhile', () => {
    const { admit, pass, slots, left } = world()
    const long = admit(rated)
    pass(120_000)
    slots.sweep()
    long.settleTokens(80)
    expect(left(rated)?.tokens?.remaining).toBe(80)
  })

  test('of a request larger than the whole limit are never granted; it is told a minute', () => {
    const { refusal } = world()
    expect(refusal({ ...rated, estimatedTokens: 101 })).toMatchObject({
      code: 'tokens_per_minute',
      retryAfterMs: 60_000,
      rates: { tokens: { remaining: 100, resetMs: 0 } },
    })
  })
})

test('with several limits the first that refuses is named, and the time after which all would let it pass', () => {
  const { admit, refusal, pass } = world()
  admit({ keyRates: requests(1) })
  pass(5_000)
  admit({ keyId: 2, groupRates: tokens(10), estimatedTokens: 10 })
  expect(refusal({ keyRates: requests(1), groupRates: tokens(10), estimatedTokens: 1 })).toMatchObject({
    code: 'requests_per_minute',
    retryAfterMs: 60_000,
  })
})

test('keys without a rate tell nothing and cost nothing', () => {
  const { admit, slots, left } = world()
  expect(admit({}).rates).toBeNull()
  expect(left({})).toBeNull()
  expect(slots.rateWindows()).toBe(0)
})

test('what is asked but never counts leaves nothing behind, and idle keys are forgotten after their minute', () => {
  const { admit, slots, left, pass } = world()
  left({ keyId: 9, keyRates: requests(1) })
  expect(slots.rateWindows()).toBe(0)
  for (let keyId = 1; keyId <= 100; keyId++) admit({ keyId, keyRates: requests(1) })
  pass(30_000)
  admit({ keyId: 1, groupRates: requests(1) })
  pass(30_000)
  slots.sweep()
  expect(slots.rateWindows()).toBe(1)
  pass(30_000)
  slots.sweep()
  expect(slots.rateWindows()).toBe(0)
})
