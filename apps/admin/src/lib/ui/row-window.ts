/** A row that is drawn, with the room of those above it that are not. */
export interface NearRow {
  index: number
  gapPx: number
}

/** Which rows are drawn: those near the window, and those to keep wherever they are; in their order. */
export function nearIndexes(near: readonly number[], kept: readonly number[], count: number): number[] {
  const indexes = new Set([...near, ...kept.filter((index) => index >= 0 && index < count)])
  return [...indexes].toSorted((a, b) => a - b)
}

/** The rows that are drawn with the room between them, and the room below the last. */
export function withGaps(
  items: readonly { index: number; start: number; end: number }[],
  topPx: number,
  heightPx: number,
): { rows: NearRow[]; belowPx: number } {
  let endPx = topPx
  const rows = items.map(({ index, start, end }) => {
    const gapPx = start - endPx
    endPx = end
    return { index, gapPx }
  })
  return { rows, belowPx: Math.max(0, topPx + heightPx - endPx) }
}
