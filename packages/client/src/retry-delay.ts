const FIRST_DELAYS_MS = [1_000, 2_000, 4_000, 8_000, 16_000]
const LATER_DELAY_MS = 30_000
const JITTER = 0.2

/** Wait before reconnecting, by attempt from 0: 1, 2, 4, 8, 16 s, then 30 s, each up to a fifth shorter or longer. */
export function retryDelayMs(attempt: number, random: number = Math.random()): number {
  const delayMs = FIRST_DELAYS_MS[attempt] ?? LATER_DELAY_MS
  return Math.round(delayMs * (1 - JITTER + 2 * JITTER * random))
}
