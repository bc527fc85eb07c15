/** A series of a back-test: `[at, value]`, one for each minute or so. */
interface PreviewSeries {
  labels: Readonly<Record<string, string>>
  points: readonly (readonly [at: string, value: number | null])[]
}

export const MAX_DRAWN = 4

export interface PreviewColumns {
  drawn: PreviewSeries[]
  /** Epoch seconds, a column for each drawn series, and the threshold as the last one. */
  data: (number | null)[][]
}

/** The series that went highest, on one time axis with the threshold. */
export function previewColumns(series: readonly PreviewSeries[], threshold: number): PreviewColumns {
  const drawn = series.toSorted((a, b) => highest(b) - highest(a)).slice(0, MAX_DRAWN)
  const seconds = [...new Set(drawn.flatMap(({ points }) => points.map(([at]) => secondOf(at))))].toSorted(
    (a, b) => a - b,
  )
  const columns = drawn.map(({ points }) => {
    const values = new Map(points.map(([at, value]) => [secondOf(at), value]))
    return seconds.map((second) => values.get(second) ?? null)
  })
  return { drawn, data: [seconds, ...columns, seconds.map(() => threshold)] }
}

function highest({ points }: PreviewSeries): number {
  return points.reduce((most, [, value]) => Math.max(most, value ?? Number.NEGATIVE_INFINITY), Number.NEGATIVE_INFINITY)
}

function secondOf(at: string): number {
  return Math.floor(Date.parse(at) / 1000)
}
