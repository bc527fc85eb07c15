import type { UsageDimension, UsageGrouping } from '@turnpike/core/words'
import { USAGE_SUMS } from '@turnpike/db'
import { groupingKey, type Sql, type UsageWindow, within } from './ledger-window.ts'

const STEP_MS = { hour: 3_600_000, day: 86_400_000 } as const
/** Stretches of the ledger between roll-ups; of more of them all of the window is read from the ledger. */
const MAX_STRETCHES = 8

type Step = 'hour' | 'day'

/** Where the counts of a window are: in roll-ups that are made, and for the rest of the time in the ledger itself. */
export interface UsageParts {
  /** Null = no roll-up tells of what was asked. */
  rolledUp: { dimension: UsageDimension; id: string | null; hours: number[]; days: number[] } | null
  /** Ms since the epoch; the end is not part of it. */
  ledger: { fromMs: number; toMs: number }[]
}

export function ledgerAlone({ from, to }: UsageWindow): UsageParts {
  return { rolledUp: null, ledger: [{ fromMs: from.getTime(), toMs: to.getTime() }] }
}

/** The coarsest rows that answer for exactly this window; `coarsest` null = what is told is told in less than an hour. */
export async function partsOf(
  sql: Sql,
  window: UsageWindow,
  { groupBy, coarsest }: { groupBy: UsageGrouping | null; coarsest: Step | null },
): Promise<UsageParts> {
  const told = toldBy(window, groupBy)
  if (told === null || coarsest === null) return ledgerAlone(window)
  const starts: Record<Step, number[]> = { hour: [], day: [] }
  const ledger: UsageParts['ledger'] = []
  let atMs = window.from.getTime()
  // A window may be of any length: it is gone through by what is made, not by its hours.
  for (const { step, startMs } of await madeIn(sql, window, coarsest)) {
    const untilMs = startMs + STEP_MS[step]
    if (startMs < atMs || untilMs > window.to.getTime()) continue
    if (startMs > atMs) ledger.push({ fromMs: atMs, toMs: startMs })
    starts[step].push(startMs)
    atMs = untilMs
  }
  if (atMs < window.to.getTime()) ledger.push({ fromMs: atMs, toMs: window.to.getTime() })
  const { hour: hours, day: days } = starts
  if (ledger.length > MAX_STRETCHES || hours.length + days.length === 0) return ledgerAlone(window)
  return { rolledUp: { ...told, hours, days }, ledger }
}

/** Roll-ups tell of everything, or of one value of one dimension; of other filters only the ledger does. */
function toldBy(
  window: UsageWindow,
  groupBy: UsageGrouping | null,
): { dimension: UsageDimension; id: string | null } | null {
  const { from: _from, to: _to, userId, keyId, groupId, accountId, model, endpoint, ...others } = window
  if (Object.values(others).some((value) => value !== undefined)) return null
  const filters = { user: userId, key: keyId, group: groupId, account: accountId, model, endpoint }
  const named = Object.entries(filters).filter(([, value]) => value !== undefined)
  const [first] = named
  if (first === undefined) return { dimension: groupBy ?? 'all', id: null }
  const [name, value] = first
  if (named.length > 1 || (groupBy !== null && groupBy !== name)) return null
  return { dimension: asDimension(name), id: String(value) }
}

/** Safe because its names are written above. */
function asDimension(name: string): UsageDimension {
  return name as UsageDimension
}

/** In the order of time, a day before its hours. */
async function madeIn(sql: Sql, { from, to }: UsageWindow, coarsest: Step) {
  const rows = await sql<{ step: Step; bucket: Date }[]>`
    select step, bucket from usage_rollups_made
    where step = any(${coarsest === 'day' ? ['day', 'hour'] : ['hour']}) and is_made and bucket >= ${from} and bucket < ${to}
    order by bucket, step`
  return rows.map(({ step, bucket }) => ({ step, startMs: bucket.getTime() }))
}

/**
 * A table expression: `at` (`time` of when requests began), `id` of the grouping, and counts under the names of the columns;
 * several rows may tell of the same.
 */
export function countedRows(
  sql: Sql,
  window: UsageWindow,
  { groupBy, parts, time }: { groupBy: UsageGrouping | null; parts: UsageParts; time: (column: string) => string },
) {
  const { rolledUp, ledger } = parts
  const counted = ledger.map(
    ({ fromMs, toMs }) => sql`
      select ${sql.unsafe(time('created_at'))} as at, ${groupingKey(sql, groupBy)}::text as id, ${sql.unsafe(USAGE_SUMS)}
      from usage_logs where ${within(sql, { ...window, from: new Date(fromMs), to: new Date(toMs) })} group by 1, 2`,
  )
  if (rolledUp !== null) {
    const { dimension, id, hours, days } = rolledUp
    const times = (starts: readonly number[]) => starts.map((ms) => new Date(ms).toISOString())
    counted.push(sql`
      select ${sql.unsafe(time('bucket'))} as at, id, requests, errors, input_tokens, cached_input_tokens, output_tokens,
        cost_nano, billed_nano
      from usage_rollups where dimension = ${dimension} ${id === null ? sql`` : sql`and id = ${id}`}
        and ((step = 'hour' and bucket = any(${times(hours)}::timestamptz[]))
          or (step = 'day' and bucket = any(${times(days)}::timestamptz[])))`)
  }
  const [first = sql``, ...others] = counted
  return others.reduce((all, part) => sql`${all} union all ${part}`, first)
}
