/** pN = the smallest value with at least ⌈N·n⌉ values at or below it; null where there are none. `sorted` ascending. */
export function nearestRank(sorted: readonly number[], share: number): number | null {
  return sorted[Math.max(Math.ceil(share * sorted.length), 1) - 1] ?? null
}
