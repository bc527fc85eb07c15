import { USAGE_DIMENSIONS, USAGE_GROUPINGS, type UsageDimension } from '@turnpike/core/words'
import type { Sql, TransactionSql } from 'postgres'
import type { USAGE_STEPS } from '../schema/usage-rollups.ts'

type UsageStep = (typeof USAGE_STEPS)[number]

/** Most requests of an hour have come into the ledger by then; of those that come later it is made again. */
const GRACE_MS = 10 * 60_000
const HOUR_MS = 3_600_000
const DAY_MS = 86_400_000
/** The next run goes on. */
const MAX_PER_RUN = 200
const LOCK_KEY = 'turnpike:usage-rollups'
const LOCK_TIMEOUT_MS = 5_000

const COLUMNS: Readonly<Record<Exclude<UsageDimension, 'all'>, string>> = {
  user: 'user_id',
  key: 'key_id',
  group: 'group_id',
  account: 'account_id',
  model: 'model',
  endpoint: 'endpoint',
}

/** What rows of the ledger come to, as SQL: columns of `usage_rollups` and of questions to the ledger. */
export const USAGE_SUMS = `count(*) as requests,
  count(*) filter (where outcome in ('failed', 'upstream_cut', 'upstream_stalled', 'exhausted', 'unknown')) as errors,
  coalesce(sum(input_tokens), 0) as input_tokens, coalesce(sum(cached_input_tokens), 0) as cached_input_tokens,
  coalesce(sum(output_tokens), 0) as output_tokens, sum(cost_nano) as cost_nano, coalesce(sum(billed_nano), 0) as billed_nano`

/** The same of what was added up before. */
export const USAGE_SUMS_OF_SUMS = `coalesce(sum(requests), 0) as requests, coalesce(sum(errors), 0) as errors,
  coalesce(sum(input_tokens), 0) as input_tokens, coalesce(sum(cached_input_tokens), 0) as cached_input_tokens,
  coalesce(sum(output_tokens), 0) as output_tokens, sum(cost_nano) as cost_nano, coalesce(sum(billed_nano), 0) as billed_nano`

/**
 * Makes the roll-ups of hours and days that are over and have none, newest first, each in a transaction of its own. Run again
 * it makes the same rows. Resolves with how many it made.
 */
export async function rollUpUsage(sql: Sql, now: Date): Promise<number> {
  const hours = await make(sql, 'hour', await hoursWithout(sql, now))
  return hours + (await make(sql, 'day', await daysWithout(sql)))
}

async function make(sql: Sql, step: UsageStep, buckets: readonly Date[]): Promise<number> {
  if (buckets.length === 0) return 0
  const announcement = await announce(sql, step, buckets)
  let made = 0
  for (const bucket of buckets) made += (await makeOne(sql, { step, bucket, announcement })) ? 1 : 0
  return made
}

/**
 * Takes back the roll-ups that new rows of the ledger belong to, in the transaction that writes these. Whoever makes one has
 * either waited for this transaction, or finds that what he announced is gone.
 */
export async function withdrawUsageRollups(tx: TransactionSql, beganMs: readonly number[]): Promise<void> {
  const starts = (stepMs: number) =>
    [...new Set(beganMs.map((ms) => Math.floor(ms / stepMs) * stepMs))].map((ms) => new Date(ms).toISOString())
  await Promise.all([
    tx`select pg_advisory_xact_lock_shared(hashtextextended(${LOCK_KEY}, 0))`,
    tx`delete from usage_rollups_made
      where (step = 'hour' and bucket = any(${starts(HOUR_MS)}::timestamptz[]))
        or (step = 'day' and bucket = any(${starts(DAY_MS)}::timestamptz[]))`,
  ])
}

/** Of whole days of UTC, as the ledger's go. Resolves with how many rows there were. */
export async function dropUsageRollupsBefore(sql: Sql, before: Date): Promise<number> {
  const day = new Date(Math.floor(before.getTime() / DAY_MS) * DAY_MS)
  return sql.begin(async (tx) => {
    await tx`delete from usage_rollups_made where bucket < ${day}`
    const { count } = await tx`delete from usage_rollups where bucket < ${day}`
    return count
  })
}

/** Takes back those of a day that the ledger is about to lose, in the transaction in which it does. */
export async function withdrawUsageRollupsOf(tx: TransactionSql, partition: string): Promise<void> {
  const [day] = await tx<{ at: Date | null }[]>`select min(created_at) as at from ${tx(partition)}`
  if (!day?.at) return
  const from = new Date(Math.floor(day.at.getTime() / DAY_MS) * DAY_MS)
  await tx`delete from usage_rollups_made where bucket >= ${from} and bucket < ${from}::timestamptz + interval '24 hours'`
}

async function hoursWithout(sql: Sql, now: Date): Promise<Date[]> {
  const endMs = Math.floor((now.getTime() - GRACE_MS) / HOUR_MS) * HOUR_MS
  const [oldest] = await sql<{ at: Date | null }[]>`
    select case when min(l.at) is not null then greatest(min(l.at), min(kept.since)) end as at
    from (select min(created_at) as at from usage_logs) as l left join (
      select date_trunc('day', ${now}::timestamptz - make_interval(hours => 24 * days), 'UTC') as since
      from ops_data_retention_config where table_name = 'usage_rollups' and enabled) as kept on true`
  if (!oldest?.at) return []
  const rows = await sql<{ bucket: Date }[]>`
    select bucket from generate_series(
      date_trunc('hour', ${oldest.at}::timestamptz, 'UTC'), ${new Date(endMs - HOUR_MS)}, interval '1 hour') as bucket
    where not exists (select from usage_rollups_made m where m.step = 'hour' and m.bucket = bucket.bucket and is_made)
    order by bucket desc limit ${MAX_PER_RUN}`
  return rows.map(({ bucket }) => bucket)
}

/** Days all hours of which are made; the first day of the ledger has not all of them, and is read by the hour. */
async function daysWithout(sql: Sql): Promise<Date[]> {
  const rows = await sql<{ bucket: Date }[]>`
    select date_trunc('day', bucket, 'UTC') as bucket from usage_rollups_made as hour where step = 'hour' and is_made
      and not exists (select from usage_rollups_made as day
        where day.step = 'day' and day.bucket = date_trunc('day', hour.bucket, 'UTC') and day.is_made)
    group by 1 having count(*) = 24 order by 1 desc limit ${MAX_PER_RUN}`
  return rows.map(({ bucket }) => bucket)
}

/**
 * Says what is about to be made. The lock is there for a moment only: it waits for whoever is writing to the ledger without
 * having seen it said, and whoever writes later takes it back.
 */
async function announce(sql: Sql, step: UsageStep, buckets: readonly Date[]): Promise<string> {
  return sql.begin(async (tx) => {
    await tx`select set_config('lock_timeout', ${`${LOCK_TIMEOUT_MS}ms`}, true)`
    await tx`select pg_advisory_xact_lock(hashtextextended(${LOCK_KEY}, 0))`
    const [row] = await tx<{ announcement: string }[]>`
      with said as (
        insert into usage_rollups_made (step, bucket, announcement, is_made)
        select ${step}, bucket, a.announcement, false
        from (select gen_random_uuid() as announcement) as a
          cross join unnest(${buckets.map((bucket) => bucket.toISOString())}::timestamptz[]) as b (bucket)
        on conflict (step, bucket) do update set announcement = excluded.announcement, is_made = false
        returning announcement)
      select announcement from said limit 1`
    if (row === undefined) throw new Error('nothing was announced')
    return row.announcement
  })
}

interface Announced {
  step: UsageStep
  bucket: Date
  announcement: string
}

/** False where a row of the ledger came in between: nothing has changed then, and the next run makes it. */
async function makeOne(sql: Sql, { step, bucket, announcement }: Announced): Promise<boolean> {
  try {
    await sql.begin(async (tx) => {
      if (step === 'day' && !(await hasAllHours(tx, bucket))) throw new Withdrawn()
      await tx`delete from usage_rollups
        where dimension = any(${[...USAGE_DIMENSIONS]}) and step = ${step} and bucket = ${bucket}`
      await tx.unsafe(step === 'hour' ? INSERT_HOUR : INSERT_DAY, [bucket], { prepare: true })
      const { count } = await tx`update usage_rollups_made set is_made = true
        where step = ${step} and bucket = ${bucket} and announcement = ${announcement}`
      if (count === 0) throw new Withdrawn()
    })
    return true
  } catch (error) {
    if (error instanceof Withdrawn) return false
    throw error
  }
}

class Withdrawn extends Error {}

/** An hour may have been taken back before its day was announced; who takes one back later takes back the day, too. */
async function hasAllHours(tx: TransactionSql, day: Date): Promise<boolean> {
  const [row] = await tx<{ count: number }[]>`
    select count(*)::int as count from usage_rollups_made
    where step = 'hour' and is_made and bucket >= ${day} and bucket < ${day}::timestamptz + interval '24 hours'`
  return row?.count === 24
}

const TARGET = `insert into usage_rollups (step, bucket, dimension, id, requests, errors, input_tokens, cached_input_tokens,
  output_tokens, cost_nano, billed_nano)`

const INSERT_HOUR = `${TARGET}
  select 'hour', $1::timestamptz,
    case ${USAGE_GROUPINGS.map((name) => `when grouping(${COLUMNS[name]}) = 0 then '${name}'`).join(' ')} else 'all' end,
    case ${USAGE_GROUPINGS.map((name) => `when grouping(${COLUMNS[name]}) = 0 then ${COLUMNS[name]}::text`).join(' ')} end,
    ${USAGE_SUMS}
  from usage_logs where created_at >= $1 and created_at < $1::timestamptz + interval '1 hour'
  group by grouping sets ((), ${USAGE_GROUPINGS.map((name) => `(${COLUMNS[name]})`).join(', ')})`

/** Of hours that are all made. */
const INSERT_DAY = `${TARGET}
  select 'day', $1::timestamptz, dimension, id, ${USAGE_SUMS_OF_SUMS}
  from usage_rollups where dimension in (${USAGE_DIMENSIONS.map((name) => `'${name}'`).join(', ')})
    and step = 'hour' and bucket >= $1 and bucket < $1::timestamptz + interval '24 hours'
  group by dimension, id`
