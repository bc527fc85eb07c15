import { z } from 'zod'

/** A circuit breaker: opens at 5 failures in a row or at half of 20 within 60 s. Plain JSON: it is stored with its account. */
export const breakerSchema = z.object({
  failuresInRow: z.number(),
  /** Times opened since it last closed; 0 = closed. */
  opened: z.number(),
  /** A probe may go once this is past; one at a time. */
  openUntilMs: z.number(),
  probing: z.boolean(),
  window: z.array(z.object({ startMs: z.number(), total: z.number(), failed: z.number() })),
})

export type Breaker = z.infer<typeof breakerSchema>

const IN_ROW = 5
const MIN_SAMPLES = 20
const RATIO = 0.5
const WINDOW_MS = 60_000
const BUCKET_MS = 5_000
const OPEN_STEP_MS = 30_000
const MAX_OPEN_MS = 600_000

export function newBreaker(): Breaker {
  return { failuresInRow: 0, opened: 0, openUntilMs: 0, probing: false, window: [] }
}

/** An upstream that refuses is alive, but only a real answer lets everybody back in. */
export type BreakerSample = 'answered' | 'refused' | 'broken'

/** Takes in how one attempt ended; tells whether that opened or closed the breaker. `breaker` is changed in place. */
export function sampleBreaker(breaker: Breaker, sample: BreakerSample, nowMs: number): 'opened' | 'closed' | null {
  breaker.probing = false
  count(breaker, sample === 'broken', nowMs)
  if (sample === 'broken') return openIfTripped(breaker, nowMs) ? 'opened' : null
  breaker.failuresInRow = 0
  return sample === 'answered' && closeIfProbed(breaker, nowMs) ? 'closed' : null
}

/** Why it lets nobody through; null = it does. */
export function breakerReason({ opened, openUntilMs, probing }: Breaker, nowMs: number): 'breaker' | 'probing' | null {
  if (opened === 0) return null
  if (openUntilMs > nowMs) return 'breaker'
  return probing ? 'probing' : null
}

/** Takes over that another instance opened it. */
export function adoptOpening(breaker: Breaker, theirs: Pick<Breaker, 'opened' | 'openUntilMs'>): void {
  if (theirs.openUntilMs <= breaker.openUntilMs) return
  breaker.opened = Math.max(breaker.opened, theirs.opened)
  breaker.openUntilMs = theirs.openUntilMs
}

/** Takes over that another instance's probe was answered. */
export function adoptClosing(breaker: Breaker, nowMs: number): void {
  breaker.failuresInRow = 0
  closeIfProbed(breaker, nowMs)
}

function count(breaker: Breaker, failed: boolean, nowMs: number): void {
  let bucket = breaker.window.at(-1)
  if (bucket === undefined || nowMs - bucket.startMs >= BUCKET_MS) {
    bucket = { startMs: nowMs, total: 0, failed: 0 }
    breaker.window = [...breaker.window.filter(({ startMs }) => nowMs - startMs < WINDOW_MS), bucket]
  }
  bucket.total++
  if (failed) bucket.failed++
}

function openIfTripped(breaker: Breaker, nowMs: number): boolean {
  breaker.failuresInRow++
  const isProbe = breaker.opened > 0 && breaker.openUntilMs <= nowMs
  if (breaker.opened > 0 && !isProbe) return false
  if (!isProbe && !isTripped(breaker, nowMs)) return false
  breaker.opened++
  breaker.openUntilMs = nowMs + Math.min(OPEN_STEP_MS * breaker.opened, MAX_OPEN_MS)
  return true
}

function isTripped({ failuresInRow, window }: Breaker, nowMs: number): boolean {
  if (failuresInRow >= IN_ROW) return true
  let total = 0
  let failed = 0
  for (const bucket of window) {
    if (nowMs - bucket.startMs >= WINDOW_MS) continue
    total += bucket.total
    failed += bucket.failed
  }
  return total >= MIN_SAMPLES && failed / total >= RATIO
}

/** An answer that comes while it is open belongs to a request that began before. */
function closeIfProbed(breaker: Breaker, nowMs: number): boolean {
  if (breaker.opened === 0 || breaker.openUntilMs > nowMs) return false
  breaker.opened = 0
  breaker.openUntilMs = 0
  breaker.window = []
  return true
}
