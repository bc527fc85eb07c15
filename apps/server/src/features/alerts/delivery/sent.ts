import type { Verdict } from '@turnpike/core/alerts/verdict'

/** How one try ended. */
export interface Sent {
  verdict: Verdict
  /** Of HTTP or SMTP; null = none came. */
  status: number | null
  latencyMs: number
  /** What the receiver asked for; null = nothing. */
  retryAfterMs: number | null
  /** Our own words on what the outcome does not tell; null = nothing. */
  note: string | null
}
