import type { OpsWindow } from '@turnpike/core/inputs/ops'
import { ensurePartitionsFor } from '@turnpike/db'
import { freshDatabase } from '@turnpike/db/testing'
import type { Sql } from 'postgres'
import { expect, test } from 'vitest'
import { dimensionOf, sourceOf } from './source.ts'
import type { Fragment } from './statement.ts'

const DAY_MS = 86_400_000
const HOUR_MS = 3_600_000
/** A crowded machine takes its time to make a database. */
const PATIENCE_MS = 90_000
const NOON = Date.UTC(2026, 4, 20, 12)

async function withPartitions(days: number) {
  const fresh = await freshDatabase({ max: 1 })
  const times = Array.from({ length: days }, (_, back) => new Date(NOON - back * DAY_MS))
  for (const table of ['ops_buckets', 'ops_dimension_stats', 'ops_dimension_stats_hourly'] as const)
    await ensurePartitionsFor(fresh.sql, times, table)
  // So few rows are read whole otherwise.
  await fresh.sql`set enable_seqscan = off`
  return fresh
}

async function planOf(sql: Sql, rows: Fragment): Promise<string> {
  const plan = await sql<{ 'QUERY PLAN': string }[]>`explain select sum(requests) from (${rows}) as source`
  return plan.map((line) => line['QUERY PLAN']).join('\n')
}

/** The partitions that a plan reads. */
async function readBy(sql: Sql, rows: Fragment): Promise<string[]> {
  const text = await planOf(sql, rows)
  return [...new Set(text.match(/ops_\w+?_20\d\d_\d\d(?:_\d\d)?(?!\w*_pkey)\b/g))].toSorted()
}

test('a question reads the partitions of its own time alone, however many there are', {
  timeout: PATIENCE_MS,
}, async () => {
  await using fresh = await withPartitions(9)
  const { sql } = fresh
  const hour = await sourceOf(sql, { fromMs: NOON - HOUR_MS - 30_000, toMs: NOON - 30_000 }, {}, { dimension: 'all' })
  expect(await readBy(sql, hour.rows)).toEqual(['ops_buckets_2026_05_20', 'ops_dimension_stats_2026_05_20'])
  const week = await sourceOf(
    sql,
    { fromMs: NOON - 7 * DAY_MS - 90_000, toMs: NOON - 90_000 },
    {},
    { dimension: 'all' },
  )
  expect(await readBy(sql, week.rows)).toEqual([
    'ops_buckets_2026_05_13',
    'ops_buckets_2026_05_20',
    'ops_dimension_stats_2026_05_13',
    'ops_dimension_stats_2026_05_20',
    'ops_dimension_stats_hourly_2026_05',
  ])
})

test('what is asked of all requests is found among the rows of all, without those of tuples', {
  timeout: PATIENCE_MS,
}, async () => {
  await using fresh = await withPartitions(1)
  const { sql } = fresh
  const span = { fromMs: NOON - HOUR_MS - 30_000, toMs: NOON - 30_000 }
  const all = await planOf(sql, (await sourceOf(sql, span, {}, { dimension: 'all' })).rows)
  expect(all.match(/(?:Index|Bitmap Index) Scan \w* ?\w* ?\w*_2026_05_20_bucket_idx/g), all).toHaveLength(3)
  const tuples = await planOf(sql, (await sourceOf(sql, span, { model: 'm' }, { dimension: 'tuple' })).rows)
  expect(tuples).not.toContain('_20_bucket_idx')
})

test('where much is due the same is asked for in one part, and is the same', { timeout: PATIENCE_MS }, async () => {
  await using fresh = await withPartitions(1)
  const { sql } = fresh
  const span = { fromMs: NOON - HOUR_MS, toMs: NOON }
  await sql`insert into ops_rollups_due (step, bucket)
    select 'minute', ${new Date(span.fromMs)}::timestamptz + m * interval '2 minutes' from generate_series(0, 29) as m
    union all select 'hour', ${new Date(span.fromMs)}`
  const { rows, segments } = await sourceOf(sql, span, {}, { dimension: 'all' })
  expect(segments).toHaveLength(60)
  expect(await sql`select sum(requests) as sum from (${rows}) as source`).toEqual([{ sum: null }])
})

test.each<[OpsWindow, string]>([
  [{}, 'all'],
  [{ range: '30d' }, 'all'],
  [{ model: 'm' }, 'model'],
  [{ groupId: 1, range: '7d' }, 'group'],
  [{ model: 'm', accountId: 1 }, 'tuple'],
  [{ userId: 1 }, 'user'],
  [{ userId: 1, range: '30d' }, 'user'],
  [{ keyId: 1 }, 'key'],
  [{ userId: 1, keyId: 1 }, 'tuple'],
  [{ userId: 1, model: 'm' }, 'tuple'],
])('of %j the rows of %s tell', (filters, dimension) => {
  expect(dimensionOf(filters)).toBe(dimension)
})
