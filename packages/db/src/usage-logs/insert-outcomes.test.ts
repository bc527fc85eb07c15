import type { Outcome } from '@turnpike/core/gateway/outcome'
import { getTableColumns } from 'drizzle-orm'
import { toSnakeCase } from 'drizzle-orm/casing'
import type { Sql } from 'postgres'
import { expect, test } from 'vitest'
import { usageLogs } from '../schema/usage-logs.ts'
import { freshDatabase } from '../testing/fresh-database.ts'
import { makeOutcome } from '../testing/outcome.ts'
import { insertOutcomes as insertJson } from './insert-outcomes.ts'
import { OUTCOME_COLUMNS } from './outcome-columns.ts'

function insertOutcomes(sql: Sql, outcomes: readonly Outcome[]) {
  return insertJson(
    sql,
    outcomes.map((outcome) => JSON.stringify(outcome)),
  )
}

test('fills every column of the ledger', () => {
  const columns = Object.entries(getTableColumns(usageLogs))
  const names = columns.map(([key, { name }]) => (name === key ? toSnakeCase(key) : name))
  expect(OUTCOME_COLUMNS.map(({ name }) => name)).toEqual(names)
})

test('what was written is what is read', async () => {
  await using fresh = await freshDatabase()
  const outcome = makeOutcome({ userAgent: 'a "quoted" \\ {agent}, NULL', errorCode: null, accountId: null })
  expect(await insertOutcomes(fresh.sql, [outcome])).toEqual({ inserted: 1, rejected: [] })
  const { usage, times, leases, multiplierE4, createdAtMs, endedAtMs, costNano, billedNano, ...same } = outcome
  expect(await fresh.db.select().from(usageLogs)).toEqual([
    {
      ...same,
      ...usage,
      ...times,
      rateMultiplierE4: multiplierE4,
      createdAt: new Date(createdAtMs),
      endedAt: new Date(endedAtMs),
      bootId: null,
      costNano: BigInt(costNano ?? 0),
      billedNano: BigInt(billedNano),
    },
  ])
})

test('a batch given again, in part or whole, adds only what is new', async () => {
  await using fresh = await freshDatabase()
  const outcomes = Array.from({ length: 500 }, () => makeOutcome())
  expect(await insertOutcomes(fresh.sql, outcomes.slice(0, 300))).toEqual({ inserted: 300, rejected: [] })
  expect(await insertOutcomes(fresh.sql, outcomes)).toEqual({ inserted: 200, rejected: [] })
  expect(await insertOutcomes(fresh.sql, outcomes)).toEqual({ inserted: 0, rejected: [] })
  expect(await insertOutcomes(fresh.sql, [])).toEqual({ inserted: 0, rejected: [] })
})

test('the same request twice in one batch is one row', async () => {
  await using fresh = await freshDatabase()
  const outcome = makeOutcome()
  expect(await insertOutcomes(fresh.sql, [outcome, outcome])).toEqual({ inserted: 1, rejected: [] })
})

test('rows of days that have no partition yet are written', async () => {
  await using fresh = await freshDatabase()
  const outcomes = ['2024-02-29T12:00:00Z', '2024-03-01T00:00:00Z', '2031-01-01T00:00:00Z'].map((at) =>
    makeOutcome({ createdAtMs: Date.parse(at) }),
  )
  expect(await insertOutcomes(fresh.sql, outcomes)).toEqual({ inserted: 3, rejected: [] })
})

test('two writers that miss the same partition both get through', async () => {
  await using fresh = await freshDatabase()
  const batches = Array.from({ length: 4 }, () => [makeOutcome({ createdAtMs: Date.parse('2024-02-29T12:00:00Z') })])
  const results = await Promise.all(batches.map((batch) => insertOutcomes(fresh.sql, batch)))
  expect(results).toEqual(batches.map(() => ({ inserted: 1, rejected: [] })))
})

test('hostile text is cut and cleaned, never refused', async () => {
  await using fresh = await freshDatabase()
  const nasty = `\0"\\{},NULL\ud800 ${'😀'.repeat(4_000)}`
  const whole = makeOutcome()
  const outcome: Outcome = {
    ...whole,
    clientRequestId: nasty,
    model: nasty,
    upstreamModel: nasty,
    upstreamResponseId: nasty,
    errorCode: nasty,
    userAgent: nasty,
    clientIp: nasty,
    attempts: whole.attempts.map((attempt) => ({ ...attempt, reason: 'a\0b\udc00', upstreamRequestId: nasty })),
  }
  expect(await insertOutcomes(fresh.sql, [outcome])).toEqual({ inserted: 1, rejected: [] })
  const [row] = await fresh.db.select().from(usageLogs)
  expect(row?.model).toMatch(/^"\\\{\},NULL\ufffd 😀/)
  expect([...(row?.model ?? '')].length).toBeLessThanOrEqual(255)
  expect([...(row?.userAgent ?? '')].length).toBeLessThanOrEqual(512)
  expect(row?.attempts[0]?.reason).toBe('ab\ufffd')
})

test.each<[string, Partial<Outcome>]>([
  ['an id that is none', { requestId: 'nonsense' }],
  ['half a token', { usage: { ...makeOutcome().usage, outputTokens: 1.5 } }],
  ['no money', { billedNano: Number.NaN }],
  ['a time before all requests', { createdAtMs: 0 }],
  ['a time that is none', { createdAtMs: Number.NaN }],
  ['a number too large', { status: 2 ** 40 }],
])('%s is singled out, the rest of the batch is written', async (_, broken) => {
  await using fresh = await freshDatabase()
  const bad = { ...makeOutcome(), ...broken }
  const good = Array.from({ length: 20 }, () => makeOutcome())
  const result = await insertOutcomes(fresh.sql, [...good.slice(0, 13), bad, ...good.slice(13)])
  expect(result.inserted).toBe(20)
  expect(result.rejected).toEqual([{ outcome: JSON.parse(JSON.stringify(bad)), error: expect.any(Error) }])
})

test('a record without its parts is singled out as well', async () => {
  await using fresh = await freshDatabase()
  const torn: Outcome = JSON.parse('{"requestId":"x","createdAtMs":1772000000000}')
  const result = await insertOutcomes(fresh.sql, [makeOutcome(), torn])
  expect(result).toEqual({ inserted: 1, rejected: [{ outcome: torn, error: expect.any(Error) }] })
})

test('a database that is away rejects no row', async () => {
  const fresh = await freshDatabase()
  await fresh[Symbol.asyncDispose]()
  await expect(insertOutcomes(fresh.sql, [makeOutcome()])).rejects.toThrow()
})
