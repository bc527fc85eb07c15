import { type Span, STEP_MS } from '@turnpike/core/ops/window'
import type { Sql } from 'postgres'

/** A moment is known to have been watched by its minute; the last ones have none yet, and are known by samples. */
const NEWEST_MS = 15 * STEP_MS.minute

/** Those of the steps in which some instance was there to count. A minute that was watched was so in each of its steps. */
export async function watchedSteps(
  sql: Sql,
  { fromMs, toMs }: Span,
  { starts, stepMs }: { starts: readonly number[]; stepMs: number },
): Promise<Set<number>> {
  if (starts.length === 0) return new Set()
  const to = new Date(toMs)
  const step = `${stepMs} milliseconds`
  const newestFrom = new Date(Math.max(fromMs, toMs - NEWEST_MS))
  const rows = await sql<{ at: Date }[]>`
    select s.at from (
      select at, date_bin('1 minute', at, 'epoch') as minute, at + ${step}::interval as until
      from unnest(${starts.map((atMs) => new Date(atMs).toISOString())}::timestamptz[]) as given (at)) as s
    where (s.at = s.minute or s.at < ${new Date(toMs - NEWEST_MS)}) and exists (
        select from ops_system_metrics where window_minutes = 1 and instance_id = '*'
          and created_at > ${new Date(fromMs - STEP_MS.minute)} and created_at < ${to}
          and created_at >= s.minute and created_at < s.until)
      or exists (
        select from ops_samples where bucket >= ${newestFrom} and bucket < ${to}
          and bucket >= s.at and bucket < s.until)`
  return new Set(rows.map(({ at }) => at.getTime()))
}
