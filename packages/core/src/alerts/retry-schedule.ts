const SECOND = 1_000
const MINUTE = 60 * SECOND
const HOUR = 60 * MINUTE

/** After the first failure, the second, …; later ones are an hour apart (alerts.md, "Delivery"). */
const DELAYS_MS = [
  1 * SECOND,
  2 * SECOND,
  4 * SECOND,
  30 * SECOND,
  2 * MINUTE,
  10 * MINUTE,
  30 * MINUTE,
  1 * HOUR,
] as const
const GIVE_UP_AFTER_MS = 24 * HOUR
/** A fifth more or less, so that what failed together does not come back together. */
const JITTER = 0.2

export interface FailedTry {
  /** Tries so far, this one included. */
  attempts: number
  /** When the message was to leave first. */
  sinceMs: number
  nowMs: number
  /** What the receiver asked for; null = nothing. */
  retryAfterMs: number | null
  /** 0 … 1. */
  random: number
}

/**
 * When to try again, epoch ms; null = never, its day is over. What a receiver asks for is waited for, but no longer than the
 * message's last try, at the end of its day.
 */
export function nextAttemptAt({ attempts, sinceMs, nowMs, retryAfterMs, random }: FailedTry): number | null {
  const endMs = sinceMs + GIVE_UP_AFTER_MS
  if (nowMs >= endMs) return null
  const delayMs = (DELAYS_MS[attempts - 1] ?? HOUR) * (1 - JITTER + 2 * JITTER * random)
  return Math.min(nowMs + Math.max(Math.round(delayMs), retryAfterMs ?? 0), endMs)
}
