import { MAX_PEOPLE, MAX_TUPLES } from '@turnpike/core/ops/tally'
import { COUNTED_DIMENSIONS, type RollUp } from '@turnpike/core/ops/words'
import postgres, { type Sql, type TransactionSql } from 'postgres'
import { ensurePartitionsFor, type PartitionedTable } from '../partitions.ts'
import { COUNT_MASK, HISTOGRAMS, ROW_COLUMNS, summed, summedTimes, VALUE_COLUMNS } from './columns.ts'
import { fillSingles, hasSingles, withdrawSingles, writeSingles } from './singles.ts'
import { writeSystemMetrics } from './system-metrics.ts'

/** Where rows of a step are, what they are made of, and how long they are: `1 day` is no day of UTC in every session's time zone. */
const STEPS = {
  minute: { table: 'ops_dimension_stats', source: 'ops_buckets', interval: '1 minute', of: null },
  hour: { table: 'ops_dimension_stats_hourly', source: 'ops_dimension_stats', interval: '1 hour', of: 'minute' },
  day: { table: 'ops_dimension_stats_daily', source: 'ops_dimension_stats_hourly', interval: '24 hours', of: 'hour' },
} as const satisfies Record<RollUp, { table: string; source: string; interval: string; of: RollUp | null }>

/** Rows of a step are made so long after its end: whoever counted in it has written by then. */
const GRACE_SECONDS = 15
/** A run ends after so many roll-ups, so that no job is without a sign of life; the next run goes on. */
const MAX_PER_RUN = 2_000

/**
 * Makes every roll-up that is due and over by the database's clock, finest first, oldest first; each in a transaction of
 * its own, so that a run that is cut short has lost nothing. Run again it makes the same rows. Resolves with how many.
 */
export async function rollUp(sql: Sql): Promise<number> {
  let made = 0
  for (const step of ['minute', 'hour', 'day'] as const) {
    for (const bucket of await dueBuckets(sql, step)) {
      await rollUpOne(sql, step, bucket)
      made += 1
    }
  }
  return made + (await fillSingles(sql))
}

/** Steps that are over, and whose parts are all made. */
async function dueBuckets(sql: Sql, step: RollUp): Promise<Date[]> {
  const { interval, of } = STEPS[step]
  const rows = await sql<{ bucket: Date }[]>`
    select bucket from ops_rollups_due as due
    where step = ${step} and bucket + ${interval}::interval <= now() - make_interval(secs => ${GRACE_SECONDS})
      and not exists (select from ops_rollups_due as part
        where part.step = ${of ?? ''} and part.bucket >= due.bucket and part.bucket < due.bucket + ${interval}::interval)
    order by bucket limit ${MAX_PER_RUN}`
  return rows.map(({ bucket }) => bucket)
}

async function rollUpOne(sql: Sql, step: RollUp, bucket: Date): Promise<void> {
  try {
    await sql.begin((tx) => make(tx, step, bucket))
  } catch (error) {
    if (!isMissingPartition(error)) throw error
    if (step !== 'day') await ensurePartitionsFor(sql, [bucket], tableOf(step))
    if (step === 'minute') await ensurePartitionsFor(sql, [bucket], 'ops_system_metrics')
    await sql.begin((tx) => make(tx, step, bucket))
  }
}

async function make(tx: TransactionSql, step: RollUp, bucket: Date): Promise<void> {
  const { table, source, interval } = STEPS[step]
  // First: it waits for whoever writes what this is made of, and whoever writes later makes it due again.
  const due = await tx`delete from ops_rollups_due where step = ${step} and bucket = ${bucket} returning step`
  if (due.length === 0) return
  if (hasSingles(step)) await withdrawSingles(tx, step, bucket)
  await tx.unsafe(`delete from ${table} where bucket = $1`, [bucket], { prepare: true })
  await tx.unsafe(insertOf(table, source), [bucket, interval], { prepare: true })
  if (hasSingles(step)) await writeSingles(tx, step, bucket)
  if (step === 'minute') await writeSystemMetrics(tx, bucket)
}

/** What is beyond the bound of tuples goes into `other`, those with the fewest requests first. */
function insertOf(table: string, source: string): string {
  const bins = HISTOGRAMS.map(
    (
      name,
    ) => `select s.dimension, s.to_tuple, '${name}' as name, bin >> 40 as key, sum(bin & ${COUNT_MASK})::bigint as count
      from source s cross join lateral unnest(s.${name}_bins) as bin group by 1, 2, 4`,
  )
  return `
  with rows as (select * from ${source} where bucket >= $1 and bucket < $1 + $2::interval and dimension in (${COUNTED})),
  ranked as (
    select dimension, tuple, bool_or(is_other) as is_other, row_number() over (
      partition by dimension, bool_or(is_other) order by sum(requests + attempts) desc, tuple) as rank
    from rows group by dimension, tuple),
  source as (
    select r.*, r.is_other or k.rank > ${BOUND} as to_other,
      case when r.is_other or k.rank > ${BOUND} then r.dimension || '|other|' || coalesce(r.code, '') else r.tuple end as to_tuple
    from rows r join ranked k using (dimension, tuple)),
  sums as (
    select dimension, to_tuple, bool_or(to_other) as is_other, ${VALUE_COLUMNS.map(kept).join(', ')},
      ${summed()}, ${summedTimes()}
    from source group by dimension, to_tuple),
  bins as (${bins.join(' union all ')}),
  merged as (
    select dimension, to_tuple, ${HISTOGRAMS.map(
      (name) =>
        `coalesce(array_agg((key << 40) + count order by key) filter (where name = '${name}'), '{}') as ${name}_bins`,
    ).join(', ')}
    from bins group by dimension, to_tuple)
  insert into ${table} (bucket, ${ROW_COLUMNS.join(', ')})
  select $1, ${ROW_COLUMNS.map(selected).join(', ')}
  from sums left join merged using (dimension, to_tuple)`
}

const COUNTED = COUNTED_DIMENSIONS.map((name) => `'${name}'`).join(', ')
const BOUND = `case when r.dimension in ('user', 'key') then ${MAX_PEOPLE} else ${MAX_TUPLES} end`

function kept(column: string): string {
  // The code of an error is told of the others too.
  if (column === 'code') return 'max(code) as code'
  return `case when not bool_or(to_other) then max(${column}) end as ${column}`
}

function selected(column: string): string {
  if (column === 'tuple') return 'to_tuple'
  return column.endsWith('_bins') ? `coalesce(${column}, '{}')` : column
}

function tableOf(step: 'minute' | 'hour'): PartitionedTable {
  return STEPS[step].table
}

function isMissingPartition(error: unknown): boolean {
  return error instanceof postgres.PostgresError && error.code === '23514'
}
