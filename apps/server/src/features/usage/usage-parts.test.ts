import type { Outcome } from '@turnpike/core/gateway/outcome'
import { USAGE_GROUPINGS, type UsageGrouping } from '@turnpike/core/words'
import { insertOutcomes, rollUpUsage } from '@turnpike/db'
import { type FreshDatabase, freshDatabase } from '@turnpike/db/testing'
import { makeOutcome } from '@turnpike/db/testing/outcome'
import { expect, test } from 'vitest'
import type { UsageWindow } from './ledger-window.ts'
import { usageTotals } from './queries.ts'
import { usageSeries } from './series.ts'
import { ledgerAlone, partsOf } from './usage-parts.ts'

const HOUR_MS = 3_600_000
const DAY_MS = 24 * HOUR_MS
/** A crowded machine takes its time to make a database. */
const PATIENCE_MS = 120_000
/** Some minutes into an hour of a day. */
const NOW = Date.UTC(2026, 4, 20, 9, 41, 17)
const GROUPINGS: (UsageGrouping | null)[] = [null, ...USAGE_GROUPINGS]

function seeded(seed: number): () => number {
  let state = seed
  return () => {
    state = (state * 1_103_515_245 + 12_345) % 2_147_483_648
    return state / 2_147_483_648
  }
}

function outcomesOver(days: number, count: number, seed: number): Outcome[] {
  const random = seeded(seed)
  const one = (of: number) => 1 + Math.floor(random() * of)
  return Array.from({ length: count }, () => {
    const kind = random()
    return makeOutcome({
      createdAtMs: Math.floor(NOW - random() * days * DAY_MS),
      userId: one(3),
      keyId: one(4),
      groupId: one(2),
      accountId: random() < 0.2 ? null : one(3),
      model: `m${one(3)}`,
      costNano: random() < 0.3 ? null : Math.floor(random() * 1e9),
      billedNano: Math.floor(random() * 1e9),
      ...(kind < 0.3 ? { outcome: 'exhausted' as const, status: 502, errorCode: 'upstream_failed' } : {}),
    })
  })
}

async function book({ sql }: FreshDatabase, outcomes: readonly Outcome[]): Promise<void> {
  await insertOutcomes(
    sql,
    outcomes.map((outcome) => JSON.stringify(outcome)),
  )
}

function windows(): UsageWindow[] {
  const ago = (ms: number) => new Date(NOW - ms)
  const midnight = Math.floor(NOW / DAY_MS) * DAY_MS
  return [
    { from: ago(3 * DAY_MS), to: new Date(NOW) },
    { from: new Date(midnight - 2 * DAY_MS), to: new Date(midnight) },
    { from: new Date(midnight - 30 * HOUR_MS), to: ago(1) },
    { from: ago(20 * 60_000), to: new Date(NOW) },
    { from: ago(2 * DAY_MS + 7), to: ago(3 * HOUR_MS), model: 'm1' },
    { from: ago(2 * DAY_MS), to: new Date(NOW), userId: 2 },
    { from: ago(2 * DAY_MS), to: new Date(NOW), keyId: 1, groupId: 1 },
    { from: ago(2 * DAY_MS), to: new Date(NOW), outcome: 'exhausted' },
    // As long as a time can be written: it must not be gone through by the hour.
    { from: new Date('0001-01-01T00:00:00Z'), to: new Date('9999-12-31T00:00:00Z') },
  ]
}

/** Every question, answered from the parts it would be, is answered as from the ledger alone. */
async function expectTruth({ sql }: FreshDatabase): Promise<void> {
  for (const window of windows()) {
    for (const groupBy of GROUPINGS) {
      const whole = ledgerAlone(window)
      const parts = await partsOf(sql, window, { groupBy, coarsest: 'day' })
      expect(await usageTotals(sql, window, groupBy, parts)).toEqual(await usageTotals(sql, window, groupBy, whole))
      for (const bucket of ['hour', 'day'] as const) {
        const cut = await partsOf(sql, window, { groupBy, coarsest: bucket })
        const rows = await usageSeries(sql, window, { groupBy, bucket, parts: cut })
        expect(rows).toEqual(await usageSeries(sql, window, { groupBy, bucket, parts: whole }))
      }
    }
  }
}

async function rollUpAll({ sql }: FreshDatabase): Promise<void> {
  while ((await rollUpUsage(sql, new Date(NOW))) > 0);
}

test('roll-ups tell what the ledger tells, also of what comes late', { timeout: PATIENCE_MS }, async () => {
  await using fresh = await freshDatabase()
  const { sql } = fresh
  await book(fresh, outcomesOver(3, 600, 1))
  await expectTruth(fresh)
  await rollUpAll(fresh)
  await expectTruth(fresh)
  const [window = ledgerWindow()] = windows()
  const parts = await partsOf(sql, window, { groupBy: 'user', coarsest: 'day' })
  expect(parts.rolledUp?.days).toHaveLength(2)
  expect(parts.rolledUp?.hours.length).toBeGreaterThan(20)
  expect(parts.ledger).toHaveLength(2)

  await book(fresh, outcomesOver(3, 3, 2))
  expect((await partsOf(sql, window, { groupBy: 'user', coarsest: 'day' })).ledger.length).toBeGreaterThan(2)
  await expectTruth(fresh)
  await rollUpAll(fresh)
  await expectTruth(fresh)
  expect((await partsOf(sql, window, { groupBy: 'user', coarsest: 'day' })).ledger).toHaveLength(2)
})

test('rows that come while roll-ups are made are in them, or the roll-ups are not read', {
  timeout: PATIENCE_MS,
}, async () => {
  await using fresh = await freshDatabase()
  const { sql } = fresh
  const late = outcomesOver(2, 200, 3)
  await book(fresh, outcomesOver(2, 200, 4))
  const writing = Promise.all(late.map((outcome) => book(fresh, [outcome])))
  for (let round = 0; round < 5; round++) {
    await Promise.all([rollUpUsage(sql, new Date(NOW)), rollUpUsage(sql, new Date(NOW))])
  }
  await writing
  await expectTruth(fresh)
  await rollUpAll(fresh)
  await expectTruth(fresh)
})

test('a day of roll-ups is a day of UTC, wherever the server of the database is', {
  timeout: PATIENCE_MS,
}, async () => {
  await using fresh = await freshDatabase({ max: 1 })
  const { sql } = fresh
  await sql`select set_config('timezone', 'Europe/Berlin', false)`
  const hourly = (day: number) =>
    Array.from({ length: 48 }, (_, hour) => makeOutcome({ createdAtMs: day + hour * HOUR_MS + 7 }))
  // The clocks are changed in these days: one has 23 hours there, the other 25.
  for (const day of [Date.UTC(2026, 2, 29), Date.UTC(2025, 9, 26)]) {
    await book(fresh, hourly(day))
    while ((await rollUpUsage(sql, new Date(day + 25 * HOUR_MS + 20 * 60_000))) > 0);
    const rows = await sql`
      select requests::int from usage_rollups join usage_rollups_made using (step, bucket)
      where step = 'day' and dimension = 'all' and is_made and bucket = ${new Date(day)}`
    expect(rows).toEqual([{ requests: 24 }])
    await sql`truncate usage_logs, usage_rollups, usage_rollups_made`
  }
})

function ledgerWindow(): UsageWindow {
  return { from: new Date(NOW - DAY_MS), to: new Date(NOW) }
}
