import type { OpsWindow } from '@turnpike/core/inputs/ops'
import { type Span, STEP_MS } from '@turnpike/core/ops/window'
import type { Range } from '@turnpike/core/ops/words'
import { AppError } from '../../../shared/app-error.ts'

export const RANGE_MS: Readonly<Record<Range, number>> = {
  '5m': 5 * STEP_MS.minute,
  '30m': 30 * STEP_MS.minute,
  '1h': STEP_MS.hour,
  '6h': 6 * STEP_MS.hour,
  '24h': STEP_MS.day,
  '7d': 7 * STEP_MS.day,
  '30d': 30 * STEP_MS.day,
}

/** Instances write ten seconds so long after they are over. */
const WRITTEN_AFTER_MS = 1_000
const MAX_SPAN_MS = 400 * STEP_MS.day

/** The whole buckets that were asked for, none of them running yet. Throws `invalid_input` naming the field. */
export function spanOf({ range, from, to }: Pick<OpsWindow, 'range' | 'from' | 'to'>, nowMs: number): Span {
  assertOneSpan({ range, from, to })
  const closedMs = Math.floor((nowMs - WRITTEN_AFTER_MS) / STEP_MS.bucket) * STEP_MS.bucket
  const toMs =
    to === undefined ? closedMs : Math.min(Math.ceil(to.getTime() / STEP_MS.bucket) * STEP_MS.bucket, closedMs)
  const lengthMs = RANGE_MS[range ?? '1h']
  const fromMs = from === undefined ? toMs - lengthMs : Math.floor(from.getTime() / STEP_MS.bucket) * STEP_MS.bucket
  if (from !== undefined && to !== undefined && from >= to) throw new AppError('invalid_input', { field: 'from' })
  if (toMs - fromMs > MAX_SPAN_MS) {
    throw new AppError('invalid_input', { field: 'from', message: 'A range takes at most 400 days' })
  }
  // What begins in the future, or just now, has no bucket that is over.
  return { fromMs: Math.min(fromMs, toMs), toMs }
}

/** A range or two moments, not both. Throws `invalid_input`. */
export function assertOneSpan({ range, from, to }: Pick<OpsWindow, 'range' | 'from' | 'to'>): void {
  if (range !== undefined && (from !== undefined || to !== undefined)) {
    throw new AppError('invalid_input', { field: 'range', message: 'Give a range, or from and to' })
  }
}

/** The span of the same length that ends where this one begins. */
export function previousOf({ fromMs, toMs }: Span): Span {
  return { fromMs: fromMs - (toMs - fromMs), toMs: fromMs }
}
