import { describe, expect, test } from 'vitest'
import type { AccountEvent } from './account-state.ts'
import { createAccount, expectCooling, START, trip } from './testing/account-life.ts'

const SECOND = 1_000
const HOUR = 3_600_000

const BROKEN: AccountEvent = { kind: 'broken' }
const ANSWERED: AccountEvent = { kind: 'answered' }
const REFUSED: AccountEvent = { kind: 'rate_limited', retryAfterMs: null }

describe('the breaker', () => {
  test('opens at 5 failures in a row, not at 4', () => {
    const account = createAccount()
    for (let i = 0; i < 4; i++) expect(account.at(i, BROKEN)).toBeNull()
    expect(account.reasonAt(4)).toBeNull()
    expect(account.at(5, BROKEN)).toMatchObject({ kind: 'breaker_opened', untilMs: START + 5 + 30 * SECOND })
    expectCooling(account, 5 + 30 * SECOND, 'breaker')
  })

  test.each([
    ['an answer', ANSWERED, true],
    ['a refusal, which is an answer too', REFUSED, true],
    ['what taught nothing', { kind: 'inconclusive' } satisfies AccountEvent, false],
  ])('%s in between ends the row: %s', (_, between, ends) => {
    const account = createAccount()
    for (let i = 0; i < 4; i++) account.at(i, BROKEN)
    account.at(4, between)
    const change = account.at(5, BROKEN)
    expect(change?.kind ?? null).toBe(ends ? null : 'breaker_opened')
  })

  /** `failed` of `total` requests fail, never five in a row, the last one at `lastAt`. */
  function mixed(total: number, failed: number, lastAt: number) {
    const account = createAccount()
    const answered = total - failed
    const failedBefore = failed - 1
    for (let i = 0; i < answered; i++) {
      account.at(i * 100, ANSWERED)
      if (i >= answered - failedBefore) account.at(i * 100 + 1, BROKEN)
    }
    return account.at(lastAt, BROKEN)
  }

  test.each([
    ['10 of 20', 20, 10, 40 * SECOND, true],
    ['9 of 19', 19, 9, 40 * SECOND, false],
    ['10 of 19', 19, 10, 40 * SECOND, false],
    ['10 of 21', 21, 10, 40 * SECOND, false],
    ['20 of 40', 40, 20, 40 * SECOND, true],
    ['19 of 40', 40, 19, 40 * SECOND, false],
    ['10 of 20, the others too long ago', 20, 10, 120 * SECOND, false],
  ])('failures within 60 s: %s', (_, total, failed, lastAt, opens) => {
    expect(mixed(total, failed, lastAt)?.kind ?? null).toBe(opens ? 'breaker_opened' : null)
  })

  test('stays open 30 s longer each time its probe fails, 10 minutes at most', () => {
    const account = createAccount()
    const steps: number[] = []
    trip(account, 0)
    let at = account.returnsIn(0)
    for (let i = 0; i < 22; i++) {
      account.health.breaker.probing = true
      expect(account.at(at, BROKEN)).toMatchObject({ kind: 'breaker_opened' })
      steps.push((account.returnsIn(at) - at) / SECOND)
      at = account.returnsIn(at)
    }
    expect(steps.slice(0, 4)).toEqual([60, 90, 120, 150])
    expect(steps.slice(-4)).toEqual([600, 600, 600, 600])
  })

  test('lets one probe through at a time, and none before its time', () => {
    const account = createAccount()
    trip(account, 0)
    expect(account.reasonAt(30 * SECOND - 1)).toBe('breaker')
    expect(account.reasonAt(30 * SECOND)).toBeNull()
    account.health.breaker.probing = true
    expect(account.reasonAt(30 * SECOND)).toBe('probing')
    account.at(31 * SECOND, { kind: 'inconclusive' })
    expect(account.reasonAt(31 * SECOND)).toBeNull()
  })

  test('closes by the answer to a probe, and counts from one again', () => {
    const account = createAccount()
    trip(account, 0)
    expect(account.at(30 * SECOND, ANSWERED)).toMatchObject({ kind: 'breaker_closed', status: null })
    expect(account.reasonAt(30 * SECOND)).toBeNull()
    expect(trip(account, 40 * SECOND)).toMatchObject({ untilMs: START + 70 * SECOND })
  })

  test('is not closed by an answer that began before it opened', () => {
    const account = createAccount()
    trip(account, 0)
    expect(account.at(1, ANSWERED)).toBeNull()
    expectCooling(account, 30 * SECOND, 'breaker')
  })

  test('failures of requests that were under way when it opened do not prolong it', () => {
    const account = createAccount()
    trip(account, 0)
    for (let i = 1; i < 50; i++) expect(account.at(i, BROKEN)).toBeNull()
    expectCooling(account, 30 * SECOND, 'breaker')
  })

  test('its memory is bounded', () => {
    const account = createAccount()
    for (let ms = 0; ms < HOUR; ms += 100) account.at(ms, ANSWERED)
    expect(account.health.breaker.window.length).toBeLessThanOrEqual(13)
  })
})
