import { describe, expect, test } from 'vitest'
import { type AccountEvent, accountHealthOf, newAccountHealth } from './account-state.ts'
import { createAccount, expectCooling, START, trip } from './testing/account-life.ts'

const SECOND = 1_000
const MINUTE = 60 * SECOND
const HOUR = 60 * MINUTE

const ANSWERED: AccountEvent = { kind: 'answered' }
const UNAUTHORIZED: AccountEvent = { kind: 'unauthorized' }
const OVERLOADED: AccountEvent = { kind: 'overloaded' }
const REFUSED: AccountEvent = { kind: 'rate_limited', retryAfterMs: null }
const FORBIDDEN: AccountEvent = { kind: 'forbidden', isHtml: false }
const FORBIDDEN_PAGE: AccountEvent = { kind: 'forbidden', isHtml: true }

describe('401', () => {
  test('cools the account 10 minutes', () => {
    const account = createAccount()
    expect(account.at(0, UNAUTHORIZED)).toEqual({
      kind: 'cooling',
      reason: 'unauthorized',
      untilMs: START + 10 * MINUTE,
      model: null,
      status: null,
    })
    expectCooling(account, 10 * MINUTE, 'cooling', 'any model')
  })

  test.each([
    [30 * MINUTE, 'error'],
    [30 * MINUTE + 1, null],
  ])('a second one %i ms later: %s', (later, status) => {
    const account = createAccount()
    account.at(0, UNAUTHORIZED)
    expect(account.at(later, UNAUTHORIZED)).toMatchObject({ reason: 'unauthorized', status })
  })

  test('several of requests that were under way together are one', () => {
    const account = createAccount()
    account.at(0, UNAUTHORIZED)
    expect(account.at(1, UNAUTHORIZED)).toBeNull()
    expect(account.at(10 * MINUTE - 1, UNAUTHORIZED)).toBeNull()
    expect(account.at(10 * MINUTE, UNAUTHORIZED)).toMatchObject({ status: 'error' })
  })
})

test('402 and a used-up quota are an error at once', () => {
  expect(createAccount().at(0, { kind: 'payment_required' })).toMatchObject({
    kind: 'error',
    reason: 'payment_required',
    status: 'error',
  })
})

describe('403', () => {
  test('with JSON cools 10 minutes, with a page of HTML one', () => {
    const account = createAccount()
    expect(account.at(0, FORBIDDEN)).toMatchObject({ kind: 'cooling', reason: 'forbidden', status: null })
    expectCooling(account, 10 * MINUTE, 'cooling')
    const behindCdn = createAccount()
    expect(behindCdn.at(0, FORBIDDEN_PAGE)).toMatchObject({ kind: 'cooling', reason: 'forbidden_page', status: null })
    expectCooling(behindCdn, MINUTE, 'cooling')
  })

  test.each([
    [3 * HOUR, 'error'],
    [3 * HOUR + 1, null],
  ])('a third one %i ms after the first: %s', (later, status) => {
    const account = createAccount()
    account.at(0, FORBIDDEN)
    expect(account.at(HOUR, FORBIDDEN)).toMatchObject({ status: null })
    expect(account.at(later, FORBIDDEN)).toMatchObject({ reason: 'forbidden', status })
  })

  test('pages never become an error', () => {
    const account = createAccount()
    for (let i = 0; i < 10; i++) expect(account.at(i * MINUTE, FORBIDDEN_PAGE)).toMatchObject({ status: null })
  })

  test('several of requests that were under way together are one', () => {
    const account = createAccount()
    for (let i = 0; i < 5; i++) account.at(i, FORBIDDEN)
    expect(account.at(HOUR, FORBIDDEN)).toMatchObject({ status: null })
    expect(account.at(2 * HOUR, FORBIDDEN)).toMatchObject({ status: 'error' })
  })
})

describe('429', () => {
  test('cools the model as long as the upstream asks, and no other model', () => {
    const account = createAccount()
    expect(account.at(0, { kind: 'rate_limited', retryAfterMs: 7_500 }, 'm')).toEqual({
      kind: 'model_cooling',
      reason: 'rate_limited',
      untilMs: START + 7_500,
      model: 'm',
      status: null,
    })
    expectCooling(account, 7_500, 'model_cooling', 'm')
    expect(account.reasonAt(0, 'other')).toBeNull()
  })

  test('without a hint cools 5 s, doubling to 5 minutes', () => {
    const account = createAccount()
    const steps: number[] = []
    let at = 0
    for (let i = 0; i < 9; i++) {
      account.at(at, REFUSED)
      steps.push((account.returnsIn(at) - at) / SECOND)
      at = account.returnsIn(at)
    }
    expect(steps).toEqual([5, 10, 20, 40, 80, 160, 300, 300, 300])
  })

  test('begins at 5 s again after an answer', () => {
    const account = createAccount()
    account.at(0, REFUSED)
    account.at(5 * SECOND, REFUSED)
    account.at(15 * SECOND, ANSWERED)
    account.at(20 * SECOND, REFUSED)
    expectCooling(account, 25 * SECOND, 'model_cooling')
  })

  test('several of requests that were under way together double nothing', () => {
    const account = createAccount()
    for (let i = 0; i < 50; i++) account.at(i, REFUSED)
    expectCooling(account, 5 * SECOND, 'model_cooling')
    account.at(5 * SECOND, REFUSED)
    expectCooling(account, 15 * SECOND, 'model_cooling')
  })

  test('a later one never shortens what was asked for', () => {
    const account = createAccount()
    account.at(0, { kind: 'rate_limited', retryAfterMs: MINUTE })
    expect(account.at(1, REFUSED)).toBeNull()
    expect(account.at(2, { kind: 'rate_limited', retryAfterMs: 500 })).toBeNull()
    expectCooling(account, MINUTE, 'model_cooling')
    expect(account.at(3, { kind: 'rate_limited', retryAfterMs: 2 * MINUTE })).toMatchObject({ kind: 'model_cooling' })
    expectCooling(account, 2 * MINUTE + 3, 'model_cooling')
  })

  test('an answer to a stream that began before it does not lift it', () => {
    const account = createAccount()
    account.at(0, { kind: 'rate_limited', retryAfterMs: MINUTE })
    account.at(1, ANSWERED)
    expectCooling(account, MINUTE, 'model_cooling')
  })

  test.each([
    [MINUTE, 'cooling', 'cooling'],
    [MINUTE + 1, 'model_cooling', null],
  ])('of a second model %i ms later is one of the %s kind', (later, kind, reasonOfThird) => {
    const account = createAccount()
    account.at(0, REFUSED, 'a')
    expect(account.at(later, { kind: 'rate_limited', retryAfterMs: 9 * SECOND }, 'b')).toMatchObject({
      kind,
      untilMs: START + later + 9 * SECOND,
    })
    expect(account.reasonAt(later, 'c')).toBe(reasonOfThird)
  })

  test('models long forgotten take no room', () => {
    const account = createAccount()
    for (let i = 0; i < 1_000; i++) account.at(i * HOUR, REFUSED, `model ${i}`)
    expect(Object.keys(account.health.models)).toEqual(['model 999'])
  })
})

describe('529', () => {
  test('cools 30 s, doubling to 10 minutes', () => {
    const account = createAccount()
    const steps: number[] = []
    let at = 0
    for (let i = 0; i < 7; i++) {
      expect(account.at(at, OVERLOADED)).toMatchObject({ kind: 'cooling', reason: 'overloaded' })
      steps.push((account.returnsIn(at) - at) / SECOND)
      at = account.returnsIn(at)
    }
    expect(steps).toEqual([30, 60, 120, 240, 480, 600, 600])
  })

  test('begins at 30 s again after an answer, but not by one that comes while it cools', () => {
    const account = createAccount()
    account.at(0, OVERLOADED)
    account.at(1, ANSWERED)
    account.at(30 * SECOND, OVERLOADED)
    expectCooling(account, 90 * SECOND, 'cooling')
    account.at(90 * SECOND, ANSWERED)
    account.at(100 * SECOND, OVERLOADED)
    expectCooling(account, 130 * SECOND, 'cooling')
  })

  test('several of requests that were under way together double nothing', () => {
    const account = createAccount()
    for (let i = 0; i < 50; i++) account.at(i, OVERLOADED)
    expectCooling(account, 30 * SECOND, 'cooling')
  })

  test('does not shorten a longer cooling', () => {
    const account = createAccount()
    account.at(0, UNAUTHORIZED)
    expect(account.at(1, OVERLOADED)).toBeNull()
    expectCooling(account, 10 * MINUTE, 'cooling')
  })
})

test('what taught nothing changes nothing', () => {
  const account = createAccount()
  expect(account.at(0, { kind: 'inconclusive' })).toBeNull()
  expect(account.health).toEqual(newAccountHealth())
})

test('an account cools for the longest of its reasons', () => {
  const account = createAccount()
  account.at(0, { kind: 'rate_limited', retryAfterMs: 20 * MINUTE })
  trip(account, 0)
  account.at(0, UNAUTHORIZED)
  expect(account.returnsIn(0)).toBe(20 * MINUTE)
  expect(account.returnsIn(0, 'other')).toBe(10 * MINUTE)
  expect(account.returnsIn(30 * MINUTE)).toBe(30 * MINUTE)
})

describe('stored health', () => {
  test('comes back as it was, but for a probe that died with its process', () => {
    const account = createAccount()
    account.at(0, { kind: 'rate_limited', retryAfterMs: MINUTE }, 'a')
    account.at(0, FORBIDDEN)
    trip(account, 1)
    account.health.breaker.probing = true
    const restored = createAccount(accountHealthOf(JSON.parse(JSON.stringify(account.health))))
    expect(restored.health).toEqual({ ...account.health, breaker: { ...account.health.breaker, probing: false } })
    expectCooling(restored, 10 * MINUTE, 'cooling', 'a')
  })

  test.each([[null], [undefined], [{}], ['cooling'], [{ ...newAccountHealth(), coolingUntilMs: 'soon' }]])(
    '%j is none: the account begins anew',
    (stored) => {
      expect(accountHealthOf(stored)).toEqual(newAccountHealth())
    },
  )
})
