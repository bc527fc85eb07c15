import type { opsErrorLogs } from '@turnpike/db/schema'

type Stored = typeof opsErrorLogs.$inferSelect

/** A row of the error log, times as ISO 8601. */
export type ErrorRecord = Omit<Stored, 'createdAt' | 'resolvedAt'> & { createdAt: string; resolvedAt: string | null }
/** In lists: without what is long. */
export type ErrorSummary = Omit<ErrorRecord, 'attempts' | 'upstreamBody' | 'stack'> & { attemptCount: number }

export function toRecord(row: Stored): ErrorRecord {
  return { ...row, createdAt: row.createdAt.toISOString(), resolvedAt: row.resolvedAt?.toISOString() ?? null }
}

export function toSummary(row: Stored): ErrorSummary {
  const { attempts, upstreamBody: _upstreamBody, stack: _stack, ...rest } = toRecord(row)
  return { ...rest, attemptCount: attempts.length }
}
