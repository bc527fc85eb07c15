import { ensurePartitionsFor } from '@turnpike/db'
import { freshDatabase } from '@turnpike/db/testing'
import { expect, test } from 'vitest'
import { newestRequests } from './queries.ts'

const DAY_MS = 86_400_000
/** A crowded machine takes its time to make a database. */
const PATIENCE_MS = 90_000
const NOW = Date.UTC(2026, 4, 20, 12)

test('a deep page reads the days from its place on, backward, and not those after it', {
  timeout: PATIENCE_MS,
}, async () => {
  await using fresh = await freshDatabase({ max: 1 })
  const { sql } = fresh
  await ensurePartitionsFor(
    sql,
    Array.from({ length: 11 }, (_, back) => new Date(NOW - back * DAY_MS)),
  )
  // So few rows are read whole otherwise.
  await sql`set enable_seqscan = off`
  await sql`set enable_bitmapscan = off`
  const window = { from: new Date(NOW - 10 * DAY_MS), to: new Date(NOW), userId: 1 }
  const place = { createdAt: new Date(NOW - 8 * DAY_MS), requestId: '019ca9a5-7a00-7000-8000-000000000001' }
  const plan = await sql<{ 'QUERY PLAN': string }[]>`explain ${newestRequests(sql, window, 101, place)}`
  const text = plan.map((line) => line['QUERY PLAN']).join('\n')
  expect(text.match(/Index Scan Backward using usage_logs_\w+_user_id/g), text).toHaveLength(3)
  expect(text).not.toMatch(/Sort|Seq Scan/)
})
