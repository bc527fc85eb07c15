import {
  type DueStep,
  type RollUp,
  SINGLE_DIMENSIONS,
  SINGLE_STEPS,
  type SingleDimension,
  type SingleStep,
} from '@turnpike/core/ops/words'
import type { Sql, TransactionSql } from 'postgres'
import { COUNT_MASK, HISTOGRAMS, ROW_COLUMNS, summed, summedTimes } from './columns.ts'

const TABLES = { hour: 'ops_dimension_stats_hourly', day: 'ops_dimension_stats_daily' } as const
const DUE = { hour: 'hour-singles', day: 'day-singles' } as const satisfies Record<SingleStep, DueStep>
/** Of each step; the next run goes on. */
const MAX_PER_RUN = 200

const COLUMNS: Readonly<Record<SingleDimension, string>> = {
  provider: 'provider',
  group: 'group_id',
  account: 'account_id',
  model: 'model',
  endpoint: 'endpoint',
}

/** What such rows do not tell of. */
const OF_NOBODY = new Set(['user_id', 'key_id', 'code'])

export function hasSingles(step: RollUp): step is SingleStep {
  return (SINGLE_STEPS as readonly RollUp[]).includes(step)
}

/** Says that rows of single dimensions need not be made any more; waits for whoever is making them. */
export async function withdrawSingles(tx: TransactionSql, step: SingleStep, bucket: Date): Promise<boolean> {
  const { count } = await tx`delete from ops_rollups_due where step = ${DUE[step]} and bucket = ${bucket}`
  return count > 0
}

/** Adds up the rows of tuples of a roll-up by each single dimension: sums and bins are exactly those of the tuples. */
export async function writeSingles(tx: TransactionSql, step: SingleStep, bucket: Date): Promise<void> {
  await tx.unsafe(INSERTS[step], [bucket], { prepare: true })
}

/**
 * Makes the rows of single dimensions of roll-ups that were made before there were such rows, newest first. Resolves with of
 * how many roll-ups.
 */
export async function fillSingles(sql: Sql): Promise<number> {
  let filled = 0
  for (const step of SINGLE_STEPS) {
    const due = await sql<{ bucket: Date }[]>`
      select bucket from ops_rollups_due where step = ${DUE[step]} order by bucket desc limit ${MAX_PER_RUN}`
    for (const { bucket } of due) {
      await sql.begin(async (tx) => {
        if (!(await withdrawSingles(tx, step, bucket))) return
        await tx`delete from ${tx(TABLES[step])} where bucket = ${bucket} and dimension = any(${[...SINGLE_DIMENSIONS]})`
        await writeSingles(tx, step, bucket)
      })
    }
    filled += due.length
  }
  return filled
}

const INSERTS = { hour: insertOf(TABLES.hour), day: insertOf(TABLES.day) }

function insertOf(table: string): string {
  const values = SINGLE_DIMENSIONS.map((name) => `('${name}', ${COLUMNS[name]}::text)`).join(', ')
  const bins = HISTOGRAMS.map(
    (name) => `select name, '${name}' as histogram, bin >> 40 as key, sum(bin & ${COUNT_MASK})::bigint as count
      from singles cross join lateral unnest(${name}_bins) as bin group by 1, 3`,
  )
  return `
  with singles as (
    select t.*, kind, value, coalesce(kind || '|' || value, kind) as name
    from ${table} as t cross join lateral (values ${values}) as v (kind, value)
    where bucket = $1 and dimension = 'tuple'),
  sums as (
    select name, max(kind) as kind, max(value) as value, bool_or(is_other) as is_other, ${summed()}, ${summedTimes()}
    from singles group by name),
  bins as (${bins.join(' union all ')}),
  merged as (
    select name, ${HISTOGRAMS.map(
      (name) =>
        `coalesce(array_agg((key << 40) + count order by key) filter (where histogram = '${name}'), '{}') as ${name}_bins`,
    ).join(', ')}
    from bins group by name)
  insert into ${table} (bucket, ${ROW_COLUMNS.join(', ')})
  select $1, ${ROW_COLUMNS.map(selected).join(', ')}
  from sums left join merged using (name)`
}

function selected(column: string): string {
  if (column === 'dimension') return 'kind'
  if (column === 'tuple') return 'name'
  if (column.endsWith('_bins')) return `coalesce(${column}, '{}')`
  const single = SINGLE_DIMENSIONS.find((name) => COLUMNS[name] === column)
  if (single !== undefined)
    return `case kind when '${single}' then value end${column.endsWith('_id') ? '::bigint' : ''}`
  return OF_NOBODY.has(column) ? 'null' : column
}
