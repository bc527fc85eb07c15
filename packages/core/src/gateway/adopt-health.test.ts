import { describe, expect, test } from 'vitest'
import { newAccountHealth } from './account-state.ts'
import { adoptHealth } from './adopt-health.ts'
import { createAccount, START, trip } from './testing/account-life.ts'

const MINUTE = 60_000

/** Two instances' views of one account. */
function views() {
  const mine = createAccount()
  const theirs = createAccount()
  return {
    mine,
    theirs,
    adopt: (ms: number, change: Parameters<typeof adoptHealth>[2]['change'] = null) =>
      adoptHealth(mine.health, structuredClone(theirs.health), { change, nowMs: START + ms }),
  }
}

describe('what another instance learnt', () => {
  test('keeps the account out here as long as there', () => {
    const { mine, theirs, adopt } = views()
    theirs.at(0, { kind: 'unauthorized' })
    adopt(100)
    expect(mine.reasonAt(101)).toBe('cooling')
    expect(mine.returnsIn(101)).toBe(theirs.returnsIn(101))
  })

  test('never shortens what is known here', () => {
    const { mine, theirs, adopt } = views()
    mine.at(0, { kind: 'unauthorized' })
    theirs.at(0, { kind: 'overloaded' })
    adopt(0)
    expect(mine.returnsIn(1)).toBe(10 * MINUTE)
    expect(mine.health.coolingReason).toBe('unauthorized')
  })

  test('of one model keeps out that model alone', () => {
    const { mine, theirs, adopt } = views()
    theirs.at(0, { kind: 'rate_limited', retryAfterMs: 7_000 }, 'a')
    adopt(0)
    expect(mine.reasonAt(1, 'a')).toBe('model_cooling')
    expect(mine.reasonAt(1, 'b')).toBeNull()
  })

  test('counts towards the third refusal, whoever met it', () => {
    const { mine, theirs, adopt } = views()
    theirs.at(0, { kind: 'forbidden', isHtml: false })
    adopt(0)
    mine.at(11 * MINUTE, { kind: 'forbidden', isHtml: false })
    expect(mine.at(22 * MINUTE, { kind: 'forbidden', isHtml: false })).toMatchObject({ kind: 'error' })
  })

  test('opens the breaker here, and its answered probe closes it', () => {
    const { mine, theirs, adopt } = views()
    trip(theirs, 0)
    adopt(0)
    expect(mine.reasonAt(1)).toBe('breaker')
    expect(theirs.at(MINUTE, { kind: 'answered' })).toMatchObject({ kind: 'breaker_closed' })
    adopt(MINUTE, 'breaker_closed')
    expect(mine.reasonAt(MINUTE)).toBeNull()
    expect(mine.health.breaker.opened).toBe(0)
  })

  test('told twice, or long after, changes nothing more', () => {
    const { mine, theirs, adopt } = views()
    theirs.at(0, { kind: 'rate_limited', retryAfterMs: 7_000 })
    theirs.at(0, { kind: 'unauthorized' })
    adopt(0)
    const once = structuredClone(mine.health)
    adopt(0)
    expect(mine.health).toEqual(once)
    const late = newAccountHealth()
    adoptHealth(late, theirs.health, { change: null, nowMs: START + 60 * MINUTE })
    expect(late.models).toEqual({})
  })
})

test.each([
  ['cooling', { kind: 'unauthorized' as const }, 1],
  ['a breaker that opened', { kind: 'broken' as const }, 5],
  ['an error', { kind: 'payment_required' as const }, 1],
])('%s ends the bindings of the account, here and where it is told', (_, event, times) => {
  const { mine, theirs, adopt } = views()
  for (let i = 0; i < times; i++) theirs.at(500, event)
  expect(theirs.health.unboundAtMs).toBe(START + 500)
  adopt(600)
  expect(mine.health.unboundAtMs).toBe(START + 500)
})

test('a single failure and the cooling of one model leave the bindings', () => {
  const account = createAccount()
  account.at(0, { kind: 'broken' })
  account.at(0, { kind: 'rate_limited', retryAfterMs: 1_000 })
  expect(account.health.unboundAtMs).toBe(0)
})
