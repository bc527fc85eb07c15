import type { UsageFilters } from '@turnpike/core/inputs/usage'
import { AppError } from '../../shared/app-error.ts'
import { timeOfRequest } from '../../shared/keyset.ts'
import type { UsageWindow } from './ledger-window.ts'
import type { LedgerPlace } from './queries.ts'

const DAY_MS = 86_400_000

/** The part of the ledger that was asked for: unasked, the last 24 hours. Throws `invalid_input` where it ends before it begins. */
export function windowOf(filters: UsageFilters, nowMs: number): UsageWindow {
  const to = filters.to ?? new Date(nowMs)
  const from = filters.from ?? new Date(to.getTime() - DAY_MS)
  if (from >= to) throw new AppError('invalid_input', { field: 'from' })
  const place = filters.requestId === undefined ? null : placeOf(filters.requestId)
  // One request is found by the time in its id, whatever window was asked for.
  if (!place || filters.from || filters.to) return { ...filters, from, to }
  return { ...filters, from: place.createdAt, to: new Date(place.createdAt.getTime() + 1) }
}

/** Where a request is in the ledger: the time in its id is its row's `created_at`; null = nowhere. */
export function placeOf(requestId: string): LedgerPlace | null {
  const createdAt = timeOfRequest(requestId)
  return createdAt && { createdAt, requestId }
}
