interface Point {
  at: string
}

/**
 * Columns of a chart: epoch seconds, then each reading of each point, null where there is no data. Readings of the period
 * before are put under the moments they are compared with, by their place.
 */
export function trendColumns<P extends Point, B extends Point>(
  points: readonly P[],
  readings: readonly ((point: P) => number | null)[],
  before: readonly B[] = [],
  ghosts: readonly ((point: B) => number | null)[] = [],
): (number | null)[][] {
  return [
    points.map(({ at }) => Date.parse(at) / 1000),
    ...readings.map((read) => points.map(read)),
    ...ghosts.map((read) => points.map((_, index) => ghostAt(before, index, points.length, read))),
  ]
}

/** The periods may be cut at different places: they are laid over each other at their ends. */
function ghostAt<B>(
  before: readonly B[],
  index: number,
  length: number,
  read: (point: B) => number | null,
): number | null {
  const point = before[before.length - length + index]
  return point === undefined ? null : read(point)
}
