import { randomUUID } from 'node:crypto'
import type { Outcome } from '@turnpike/core/gateway/outcome'
import { eq } from 'drizzle-orm'
import { describe, expect, test } from 'vitest'
import { balanceMismatches } from '../money/balance-check.ts'
import { windowMismatches } from '../money/window-check.ts'
import { apiKeys, balanceChanges, creditLeases, groups, keySpending, subscriptions, users } from '../schema/index.ts'
import { freshDatabase } from '../testing/fresh-database.ts'
import { makeOutcome } from '../testing/outcome.ts'
import { insertOutcomes } from './insert-outcomes.ts'

const NOON = Date.parse('2026-03-10T12:00:00Z')
const DAY_MS = 86_400_000
const midnight = (days = 0) => new Date(Date.parse('2026-03-10T00:00:00Z') + days * DAY_MS)

async function world(userCount = 1) {
  const fresh = await freshDatabase()
  const [group] = await fresh.db.insert(groups).values({ name: 'g' }).returning()
  const groupId = group?.id ?? 0
  const people: { userId: number; keyId: number }[] = []
  for (let n = 0; n < userCount; n++) {
    const [user] = await fresh.db
      .insert(users)
      .values({ email: `${n}@example.com`, balanceNano: 1_000n })
      .returning()
    const userId = user?.id ?? 0
    await fresh.db.insert(balanceChanges).values({ userId, kind: 'adjustment', amountNano: 1_000n })
    const [key] = await fresh.db
      .insert(apiKeys)
      .values({ publicId: `p${n}`, secretHash: 'h', last4: 'last', name: 'k', userId, groupId })
      .returning()
    people.push({ userId, keyId: key?.id ?? 0 })
  }
  const [person = { userId: 0, keyId: 0 }] = people

  async function ship(changes: Partial<Outcome>[], timeZone?: string): Promise<void> {
    const outcomes = changes.map((change) =>
      JSON.stringify(
        makeOutcome({ ...person, groupId, createdAtMs: NOON, billing: 'balance', billedNano: 100, ...change }),
      ),
    )
    const { rejected } = await insertOutcomes(fresh.sql, outcomes, { timeZone })
    expect(rejected).toEqual([])
  }

  async function lease(amountNano: bigint, userId = person.userId): Promise<string> {
    const id = randomUUID()
    const row = { id, purse: 'balance' as const, ownerId: userId, bootId: 'b', amountNano, expiresAt: midnight() }
    await fresh.db.insert(creditLeases).values(row)
    await fresh.sql`update users set balance_nano = balance_nano - ${String(amountNano)} where id = ${userId}`
    return id
  }

  async function subscribe(values: Partial<typeof subscriptions.$inferInsert> = {}): Promise<number> {
    const [row] = await fresh.db
      .insert(subscriptions)
      .values({ userId: person.userId, groupId, startsAt: midnight(-60), expiresAt: midnight(60), ...values })
      .returning()
    return row?.id ?? 0
  }

  const user = async () => (await fresh.db.select().from(users).where(eq(users.id, person.userId)))[0]
  return { ...fresh, ...person, people, groupId, ship, lease, subscribe, user }
}

describe('a balance', () => {
  test.each<[string, bigint, number, bigint, bigint]>([
    ['pays out of the lease of the request', 500n, 100, 500n, 400n],
    ['pays the rest itself where the lease is too small', 60n, 100, 900n, 0n],
    ['may fall below zero', 60n, 1_500, -500n, 0n],
  ])('%s', async (_, leased, billedNano, stored, left) => {
    await using w = await world()
    const leases = [await w.lease(leased)]
    await w.ship([{ leases, billedNano }])
    expect(await w.user()).toMatchObject({ balanceNano: stored, billedNano: BigInt(billedNano) })
    expect(await w.db.select().from(creditLeases)).toMatchObject([{ amountNano: left }])
    expect(await balanceMismatches(w.sql, 'counter')).toEqual([])
    expect(await balanceMismatches(w.sql, 'ledger')).toEqual([])
  })

  test('pays itself where the lease is gone, and for requests without one', async () => {
    await using w = await world()
    await w.ship([{ leases: [randomUUID()] }, { leases: [] }])
    expect(await w.user()).toMatchObject({ balanceNano: 800n, billedNano: 200n })
  })

  test('pays once for what is given twice, in part or whole', async () => {
    await using w = await world()
    const leases = [await w.lease(500n)]
    const outcomes = Array.from({ length: 4 }, () => makeOutcome({ createdAtMs: NOON })).map(({ requestId }) => ({
      requestId,
      leases,
    }))
    await w.ship(outcomes.slice(0, 2))
    await w.ship(outcomes)
    await w.ship(outcomes)
    expect(await w.user()).toMatchObject({ billedNano: 400n })
    expect(await balanceMismatches(w.sql, 'ledger')).toEqual([])
  })

  test.each<[string, Partial<Outcome>]>([
    ['of groups that bill nothing', { billing: 'none' }],
    ['of a subscription', { billing: 'subscription' }],
    ['that nobody is billed for', { billedNano: 0 }],
  ])('pays nothing for requests %s', async (_, changes) => {
    await using w = await world()
    await w.ship([changes])
    expect(await w.user()).toMatchObject({ balanceNano: 1_000n, billedNano: 0n })
  })

  test('pays nothing for records of older versions, which do not say who pays', async () => {
    await using w = await world()
    const { billing, subscriptionId, serviceTier, leases, ...old } = makeOutcome({ userId: w.userId, keyId: w.keyId })
    expect(await insertOutcomes(w.sql, [JSON.stringify(old)])).toEqual({ inserted: 1, rejected: [] })
    expect(await w.user()).toMatchObject({ balanceNano: 1_000n, billedNano: 0n })
    expect(await w.db.select().from(keySpending)).toEqual([])
  })

  test('of many users is settled by several writers at once, none waiting for another for ever', async () => {
    await using w = await world(12)
    const leases = await Promise.all(w.people.map(({ userId }) => w.lease(300n, userId)))
    const batches = Array.from({ length: 8 }, (_, batch) => {
      const order = w.people.map((person, index) => ({ ...person, leases: [leases[index] ?? ''] }))
      return batch % 2 === 0 ? order : order.toReversed()
    })
    await Promise.all(batches.map((batch) => w.ship(batch.map((person) => ({ ...person, billedNano: 50 })))))
    expect((await w.db.select().from(users)).map(({ billedNano }) => billedNano)).toEqual(
      Array.from({ length: 12 }, () => 400n),
    )
    expect(await balanceMismatches(w.sql, 'ledger')).toEqual([])
  })
})

describe('the windows of a subscription', () => {
  test('begin at midnight of the first request, each', async () => {
    await using w = await world()
    const subscriptionId = await w.subscribe()
    const spent = { billing: 'subscription', subscriptionId } as const
    await w.ship([spent, { ...spent, createdAtMs: NOON + 3_600_000 }])
    const dates = { dayStartedAt: midnight(), weekStartedAt: midnight(), monthStartedAt: midnight() }
    const sums = { daySpentNano: 200n, weekSpentNano: 200n, monthSpentNano: 200n }
    expect(await w.db.select().from(subscriptions)).toMatchObject([{ ...dates, ...sums }])
  })

  test('begin anew, each on its own, with the first request after their end', async () => {
    await using w = await world()
    const began = { dayStartedAt: midnight(-1), weekStartedAt: midnight(-6), monthStartedAt: midnight(-30) }
    const spendings = { daySpentNano: 1n, weekSpentNano: 2n, monthSpentNano: 4n }
    const subscriptionId = await w.subscribe({ ...began, ...spendings })
    await w.ship([{ billing: 'subscription', subscriptionId }])
    expect(await w.db.select().from(subscriptions)).toMatchObject([
      { dayStartedAt: midnight(), daySpentNano: 100n, weekStartedAt: midnight(-6), weekSpentNano: 102n },
    ])
    expect(await w.db.select().from(subscriptions)).toMatchObject([
      { monthStartedAt: midnight(), monthSpentNano: 100n },
    ])
  })

  test('are begun once by several writers at once', async () => {
    await using w = await world()
    const subscriptionId = await w.subscribe({ dayStartedAt: midnight(-3), daySpentNano: 9_999n })
    await Promise.all(Array.from({ length: 6 }, () => w.ship([{ billing: 'subscription', subscriptionId }])))
    expect(await w.db.select().from(subscriptions)).toMatchObject([{ dayStartedAt: midnight(), daySpentNano: 600n }])
  })

  test('count a request where it began, also in a batch that crosses midnight or comes late', async () => {
    await using w = await world()
    const subscriptionId = await w.subscribe()
    const spent = { billing: 'subscription', subscriptionId } as const
    await w.ship([{ ...spent, createdAtMs: NOON + DAY_MS }, spent])
    await w.ship([spent])
    expect(await w.db.select().from(subscriptions)).toMatchObject([
      { dayStartedAt: midnight(1), daySpentNano: 100n, weekStartedAt: midnight(), weekSpentNano: 300n },
    ])
    expect(await windowMismatches(w.sql)).toEqual([])
    await w.db.update(subscriptions).set({ weekSpentNano: 299n })
    expect(await windowMismatches(w.sql)).toEqual([
      { subscriptionId, window: 'week', spentNano: 299n, billedNano: 300n },
    ])
  })

  test('begin at the midnight of the time zone', async () => {
    await using w = await world()
    const subscriptionId = await w.subscribe()
    await w.ship(
      [{ billing: 'subscription', subscriptionId, createdAtMs: Date.parse('2026-03-10T23:30:00Z') }],
      'Europe/Berlin',
    )
    const [row] = await w.db.select().from(subscriptions)
    expect(row?.dayStartedAt?.toISOString()).toBe('2026-03-10T23:00:00.000Z')
  })
})

describe('what a key has spent', () => {
  test('counts all in all, by calendar day and by month, also where its group bills nothing', async () => {
    await using w = await world()
    await w.ship([{ billing: 'none' }, {}])
    await w.ship([{ createdAtMs: NOON + DAY_MS }])
    expect(await w.db.select().from(keySpending)).toMatchObject([
      { totalNano: 300n, dayStartedAt: midnight(1), dayNano: 100n, monthStartedAt: midnight(-9), monthNano: 300n },
    ])
    await w.ship([{ createdAtMs: Date.parse('2026-04-01T00:00:00Z') }])
    await w.ship([{}])
    expect(await w.db.select().from(keySpending)).toMatchObject([{ totalNano: 500n, dayNano: 100n, monthNano: 100n }])
  })
})
