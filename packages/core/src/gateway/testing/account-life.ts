import { expect } from 'vitest'
import {
  type AccountEvent,
  type AccountHealth,
  applyAccountEvent,
  newAccountHealth,
  returnsAtMs,
  unhealthyReason,
} from '../account-state.ts'

export const START = Date.parse('2026-03-01T12:00:00Z')

type AccountLife = ReturnType<typeof createAccount>

/** An account that lives through events at moments told in ms from the start. */
export function createAccount(health: AccountHealth = newAccountHealth()) {
  return {
    health,
    at: (ms: number, event: AccountEvent, model = 'm') =>
      applyAccountEvent(health, event, { model, nowMs: START + ms }),
    reasonAt: (ms: number, model = 'm') => unhealthyReason(health, model, START + ms),
    returnsIn: (ms: number, model = 'm') => returnsAtMs(health, model, START + ms) - START,
  }
}

/** The account cools until `untilMs` and is back at that very moment. */
export function expectCooling(account: AccountLife, untilMs: number, reason: string, model = 'm'): void {
  expect(account.reasonAt(untilMs - 1, model)).toBe(reason)
  expect(account.reasonAt(untilMs, model)).toBeNull()
  expect(account.returnsIn(untilMs - 1, model)).toBe(untilMs)
}

/** Breaks the account so often in a row that its breaker opens, the last time at `ms`. */
export function trip(account: AccountLife, ms: number) {
  for (let i = 0; i < 4; i++) account.at(ms, { kind: 'broken' })
  return account.at(ms, { kind: 'broken' })
}
