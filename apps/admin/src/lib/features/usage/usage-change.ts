/** By how much something grew, in percent; null where there was nothing to grow from. */
export function changePercent(now: number | null, before: number | null): number | null {
  return now === null || before === null || before === 0 ? null : ((now - before) / before) * 100
}
