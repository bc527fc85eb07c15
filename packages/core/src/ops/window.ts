/** Steps of the stored rows, coarsest first, in ms. A day is a UTC day. */
export const STEPS = ['day', 'hour', 'minute', 'bucket'] as const
export type Step = (typeof STEPS)[number]
export const STEP_MS: Readonly<Record<Step, number>> = {
  day: 86_400_000,
  hour: 3_600_000,
  minute: 60_000,
  bucket: 10_000,
}

/** Ms since the epoch; `toMs` is not part of it. */
export interface Span {
  fromMs: number
  toMs: number
}

/** Rows of one step to be read. */
export interface Segment extends Span {
  step: Step
}

/** Rows of a step that are not made yet, or no longer true. */
export interface Due {
  step: 'day' | 'hour' | 'minute'
  atMs: number
}

/**
 * The coarsest rows that answer for exactly this span: each moment is read from one step, and never from a row that is due.
 * The bounds are taken to whole buckets. `coarsest` = what is told is told in steps of it.
 */
export function segmentsOf(span: Span, due: readonly Due[], coarsest: Step = 'day'): Segment[] {
  const dueAt = new Set(due.map(({ step, atMs }) => `${step}${atMs}`))
  const segments: Segment[] = []
  fill(wholeBuckets(span), STEPS.indexOf(coarsest))
  return joined(segments.toSorted((a, b) => a.fromMs - b.fromMs))

  function fill({ fromMs, toMs }: Span, level: number): void {
    const step = STEPS[level]
    if (step === undefined || fromMs >= toMs) return
    if (step === 'bucket') return void segments.push({ step, fromMs, toMs })
    const stepMs = STEP_MS[step]
    const firstMs = Math.ceil(fromMs / stepMs) * stepMs
    const endMs = Math.floor(toMs / stepMs) * stepMs
    if (firstMs >= endMs) return fill({ fromMs, toMs }, level + 1)
    fill({ fromMs, toMs: firstMs }, level + 1)
    for (let atMs = firstMs; atMs < endMs; atMs += stepMs) {
      if (dueAt.has(`${step}${atMs}`)) fill({ fromMs: atMs, toMs: atMs + stepMs }, level + 1)
      else segments.push({ step, fromMs: atMs, toMs: atMs + stepMs })
    }
    fill({ fromMs: endMs, toMs }, level + 1)
  }
}

function wholeBuckets({ fromMs, toMs }: Span): Span {
  return {
    fromMs: Math.floor(fromMs / STEP_MS.bucket) * STEP_MS.bucket,
    toMs: Math.ceil(toMs / STEP_MS.bucket) * STEP_MS.bucket,
  }
}

/** Neighbours of one step as one. */
function joined(segments: readonly Segment[]): Segment[] {
  const result: Segment[] = []
  for (const segment of segments) {
    const last = result.at(-1)
    if (last?.step === segment.step && last.toMs === segment.fromMs) last.toMs = segment.toMs
    else result.push({ ...segment })
  }
  return result
}
