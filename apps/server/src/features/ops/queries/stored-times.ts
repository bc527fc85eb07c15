import { type Segment, STEP_MS } from '@turnpike/core/ops/window'
import { HISTOGRAMS } from '@turnpike/db'
import type { Sql } from 'postgres'
import type { Fragment } from './statement.ts'

/** What is told of the times of a step. */
export const STEP_SHARES = ['p50', 'p95', 'p99'] as const

/** Steps that are windows of `ops_system_metrics`, and their minutes. */
const WINDOWS = new Map([
  [STEP_MS.minute, 1],
  [5 * STEP_MS.minute, 5],
])

/**
 * A table expression: `at` and the percentiles (`p50_latency_ms` …) of all requests of each step that `ops_system_metrics`
 * has them of. They are made with the rows of minutes, from the same bins: a step counts where it is read whole from those.
 */
export function storedTimes(
  sql: Sql,
  segments: readonly Segment[],
  { stepMs, isOfAll }: { stepMs: number; isOfAll: boolean },
): Fragment {
  const columns = sql.unsafe(HISTOGRAMS.flatMap((name) => STEP_SHARES.map((share) => `${share}_${name}_ms`)).join(', '))
  const windowMinutes = isOfAll ? WINDOWS.get(stepMs) : undefined
  const starts = windowMinutes === undefined ? [] : wholeSteps(segments, stepMs)
  const [first = 0, last = 0] = [starts[0], starts.at(-1)]
  return sql`
    select created_at as at, ${columns} from ops_system_metrics
    where window_minutes = ${windowMinutes ?? 0} and instance_id = '*'
      and created_at >= ${new Date(first)} and created_at <= ${new Date(last)}
      and created_at = any(${starts.map((atMs) => new Date(atMs).toISOString())}::timestamptz[])`
}

function wholeSteps(segments: readonly Segment[], stepMs: number): number[] {
  return segments
    .filter(({ step }) => step === 'minute')
    .flatMap(({ fromMs, toMs }) => {
      const firstMs = Math.ceil(fromMs / stepMs) * stepMs
      return Array.from(
        { length: Math.max(Math.floor((toMs - firstMs) / stepMs), 0) },
        (_, at) => firstMs + at * stepMs,
      )
    })
}
