/** Milliseconds since the epoch. */
export interface WallClock {
  now(): number
}
