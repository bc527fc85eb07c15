import type { RouterOutputs } from '@turnpike/client'

export type Account = RouterOutputs['accounts']['get']

/** What an account is doing, the gravest first: one of these is shown, the others are told beside it. */
export type AccountState =
  | { kind: 'archived' }
  | { kind: 'error'; reason: string | null }
  | { kind: 'disabled' }
  | { kind: 'expired' }
  | { kind: 'paused' }
  | { kind: 'cooling'; reason: string | null; leftMs: number }
  | { kind: 'full' }
  | { kind: 'partly_cooling'; models: number }
  | { kind: 'ready' }

type StateFields = Pick<
  Account,
  | 'status'
  | 'statusReason'
  | 'schedulable'
  | 'expiresAt'
  | 'coolingUntil'
  | 'coolingReason'
  | 'modelCooling'
  | 'inFlight'
  | 'concurrency'
>

export function accountState(account: StateFields, nowMs: number): AccountState {
  if (account.status === 'archived') return { kind: 'archived' }
  if (account.status === 'error') return { kind: 'error', reason: account.statusReason }
  if (account.status === 'disabled') return { kind: 'disabled' }
  if (account.expiresAt !== null && Date.parse(account.expiresAt) <= nowMs) return { kind: 'expired' }
  if (!account.schedulable) return { kind: 'paused' }
  const leftMs = msUntil(account.coolingUntil, nowMs)
  if (leftMs > 0) return { kind: 'cooling', reason: account.coolingReason, leftMs }
  if (account.concurrency > 0 && account.inFlight >= account.concurrency) return { kind: 'full' }
  const models = account.modelCooling.filter(({ until }) => msUntil(until, nowMs) > 0).length
  return models > 0 ? { kind: 'partly_cooling', models } : { kind: 'ready' }
}

/** Milliseconds until an instant; 0 where it has passed or there is none. */
export function msUntil(iso: string | null, nowMs: number): number {
  return iso === null ? 0 : Math.max(0, Date.parse(iso) - nowMs)
}

/** Share of the slots in use, 0–1; null where there is no limit. */
export function loadOf({ inFlight, concurrency }: Pick<Account, 'inFlight' | 'concurrency'>): number | null {
  return concurrency === 0 ? null : Math.min(1, inFlight / concurrency)
}
