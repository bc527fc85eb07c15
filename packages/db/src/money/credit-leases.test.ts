import { randomUUID } from 'node:crypto'
import { eq } from 'drizzle-orm'
import { describe, expect, test } from 'vitest'
import { apiKeys, creditLeases, groups, keySpending, subscriptions, users } from '../schema/index.ts'
import { type FreshDatabase, freshDatabase } from '../testing/fresh-database.ts'
import {
  activeSubscription,
  type LeaseStep,
  leaseCredit,
  releaseCredit,
  renewLeases,
  sweepLeases,
} from './credit-leases.ts'

const DOLLAR = 1_000_000_000
const DAY_MS = 86_400_000
const TODAY = new Date('2026-03-10T00:00:00Z')
const WEEK = new Date(TODAY.getTime() - 6 * DAY_MS)
const MONTH = new Date(TODAY.getTime() - 29 * DAY_MS)

async function world({
  balanceNano = 0n,
  group = {},
  key = {},
}: {
  balanceNano?: bigint
  group?: Partial<typeof groups.$inferInsert>
  key?: Partial<typeof apiKeys.$inferInsert>
} = {}) {
  const fresh = await freshDatabase()
  const [user] = await fresh.db.insert(users).values({ email: 'a@example.com', balanceNano }).returning()
  const [made] = await fresh.db
    .insert(groups)
    .values({ name: 'g', ...group })
    .returning()
  const owner = { userId: user?.id ?? 0, groupId: made?.id ?? 0 }
  const [row] = await fresh.db
    .insert(apiKeys)
    .values({ publicId: 'p', secretHash: 'h', last4: 'last', name: 'k', ...owner, ...key })
    .returning()
  return { ...fresh, ...owner, keyId: row?.id ?? 0 }
}

function step(ownerId: number, wants: (number | 'modest')[], changes: Partial<LeaseStep> = {}): LeaseStep {
  return {
    purse: { kind: 'balance', ownerId },
    leaseId: randomUUID(),
    isNew: true,
    bootId: 'boot',
    leaseSeconds: 40,
    heldNano: 0,
    wants: wants.map((want) => (want === 'modest' ? { nano: 100, isModest: true } : { nano: want, isModest: false })),
    instances: 1,
    starts: [],
    ...changes,
  }
}

async function balanceOf({ db }: FreshDatabase, userId: number): Promise<bigint | undefined> {
  const [user] = await db.select().from(users).where(eq(users.id, userId))
  return user?.balanceNano
}

describe('a step of leasing from a balance', () => {
  test.each<[string, number, (number | 'modest')[], number, (number | null)[], number]>([
    ['serves all where there is enough', 300, [100, 100, 100], 0, [100, 100, 100], 300],
    ['serves the first ones where there is not', 250, [100, 100, 100], 0, [100, 100, null], 200],
    ['passes over who wants too much', 250, [100, 200, 100], 0, [100, null, 100], 200],
    ['adds to what is held', 50, [100], 50, [100], 50],
    ['leases nothing where what is held is enough', 500, [100], 100, [100], 0],
    ['gives one modest request what is left', 130, [100, 'modest', 'modest'], 0, [100, 30, null], 130],
    ['gives a modest request all it wants where there is enough', 200, ['modest'], 0, [100], 100],
    ['gives nobody anything of nothing', 0, ['modest', 100], 0, [null, null], 0],
    ['asks nothing of those who cost nothing', 0, [0, 0], 0, [0, 0], 0],
    ['leases a chunk of whole wants while there is plenty', 2_000, [100], 0, [100], 200],
    ['leases no chunk when there is less than twenty times the want', 1_999, [100], 0, [100], 100],
  ])('%s', async (_, balance, wants, heldNano, granted, leasedNano) => {
    await using w = await world({ balanceNano: BigInt(balance) })
    const grant = await leaseCredit(w.sql, step(w.userId, wants, { heldNano }))
    expect(grant).toMatchObject({ granted, leasedNano })
    expect(await balanceOf(w, w.userId)).toBe(BigInt(balance - leasedNano))
    const rows = await w.db.select().from(creditLeases)
    expect(rows.map(({ amountNano }) => Number(amountNano))).toEqual(
      granted.some((g) => g !== null) ? [leasedNano] : [],
    )
  })

  test.each([
    ['an eighth of the balance', 4n * 1_000_000_000n, 1, DOLLAR / 2],
    ['shared with the other instances', 4n * 1_000_000_000n, 4, DOLLAR / 8],
    ['a dollar at most', 100n * 1_000_000_000n, 1, DOLLAR],
  ])('a chunk is %s', async (_, balanceNano, instances, leasedNano) => {
    await using w = await world({ balanceNano })
    expect(await leaseCredit(w.sql, step(w.userId, [1_000], { instances }))).toMatchObject({ leasedNano })
  })

  test('from an overdraft gives nothing, not even for nothing', async () => {
    await using w = await world({ balanceNano: -5n })
    expect(await leaseCredit(w.sql, step(w.userId, [0, 'modest']))).toMatchObject({ granted: [null, null] })
  })

  test('makes a lease grow; one that is gone is told, and nothing is taken', async () => {
    await using w = await world({ balanceNano: 1_000n })
    const leaseId = randomUUID()
    await leaseCredit(w.sql, step(w.userId, [100], { leaseId }))
    await leaseCredit(w.sql, step(w.userId, [100], { leaseId, isNew: false }))
    expect(await w.db.select().from(creditLeases)).toMatchObject([{ id: leaseId, amountNano: 200n, bootId: 'boot' }])
    await releaseCredit(w.sql, leaseId, null)
    expect(await leaseCredit(w.sql, step(w.userId, [100], { leaseId, isNew: false }))).toBeNull()
    expect(await balanceOf(w, w.userId)).toBe(1_000n)
  })

  test('many at once never take more than there is', async () => {
    await using w = await world({ balanceNano: 1_000n })
    const grants = await Promise.all(Array.from({ length: 40 }, () => leaseCredit(w.sql, step(w.userId, [100]))))
    expect(grants.filter((grant) => grant?.granted[0] === 100)).toHaveLength(10)
    expect(await balanceOf(w, w.userId)).toBe(0n)
  })

  test('of a user who is not there gives nothing', async () => {
    await using w = await world()
    expect(await leaseCredit(w.sql, step(999, [1]))).toMatchObject({ granted: [null], roomNano: null })
  })
})

describe('a step of leasing from limits', () => {
  test('leaves what was spent in windows that run and what others have leased', async () => {
    await using w = await world({ group: { limitDayNano: 1_000n, limitWeekNano: 900n, limitMonthNano: 5_000n } })
    const [row] = await w.db
      .insert(subscriptions)
      .values({
        userId: w.userId,
        groupId: w.groupId,
        startsAt: MONTH,
        expiresAt: new Date('2027-01-01'),
        dayStartedAt: new Date(TODAY.getTime() - 1),
        daySpentNano: 1_000n,
        weekStartedAt: WEEK,
        weekSpentNano: 500n,
      })
      .returning()
    const changes = { purse: { kind: 'subscription', ownerId: row?.id ?? 0 }, starts: [TODAY, WEEK, MONTH] } as const
    expect(await leaseCredit(w.sql, step(0, [300], changes))).toMatchObject({
      granted: [300],
      roomNano: 400,
      tightest: 2,
    })
    expect(await leaseCredit(w.sql, step(0, [300], changes))).toMatchObject({ granted: [null], roomNano: 100 })
    await w.db.update(subscriptions).set({ status: 'revoked' })
    expect(await leaseCredit(w.sql, step(0, [1], changes))).toMatchObject({ granted: [null], roomNano: null })
  })

  test('of a key counts the calendar day, the month and all there was', async () => {
    await using w = await world({ key: { limitTotalNano: 1_000n, limitDayNano: 100n } })
    const changes = { purse: { kind: 'key', ownerId: w.keyId }, starts: [TODAY, MONTH] } as const
    expect(await leaseCredit(w.sql, step(0, [60, 60], changes))).toMatchObject({ granted: [60, null], tightest: 1 })
    await w.db.delete(creditLeases)
    await w.db.update(keySpending).set({ dayStartedAt: WEEK, dayNano: 100n, totalNano: 950n })
    expect(await leaseCredit(w.sql, step(0, [60, 40], changes))).toMatchObject({ granted: [null, 40], tightest: 3 })
  })

  test('many at once never take more than there is', async () => {
    await using w = await world({ key: { limitTotalNano: 1_000n } })
    const changes = { purse: { kind: 'key', ownerId: w.keyId }, starts: [TODAY, MONTH] } as const
    const grants = await Promise.all(Array.from({ length: 40 }, () => leaseCredit(w.sql, step(0, [100], changes))))
    expect(grants.filter((grant) => grant?.granted[0] === 100)).toHaveLength(10)
  })
})

describe('a lease', () => {
  test('goes back in part, never more than it has, or whole', async () => {
    await using w = await world({ balanceNano: 1_000n })
    const leaseId = randomUUID()
    await leaseCredit(w.sql, step(w.userId, [500], { leaseId }))
    await releaseCredit(w.sql, leaseId, 200)
    expect(await balanceOf(w, w.userId)).toBe(700n)
    await releaseCredit(w.sql, leaseId, 900)
    expect(await balanceOf(w, w.userId)).toBe(1_000n)
    expect(await w.db.select().from(creditLeases)).toHaveLength(1)
    await releaseCredit(w.sql, leaseId, null)
    await releaseCredit(w.sql, leaseId, null)
    expect(await balanceOf(w, w.userId)).toBe(1_000n)
    expect(await w.db.select().from(creditLeases)).toEqual([])
  })

  test('that its instance does not renew is returned by a sweep, once', async () => {
    await using w = await world({ balanceNano: 1_000n })
    const [live, dead] = [randomUUID(), randomUUID()]
    for (const leaseId of [live, dead]) await leaseCredit(w.sql, step(w.userId, [100], { leaseId, leaseSeconds: -1 }))
    expect(await renewLeases(w.sql, [live, randomUUID()], 40)).toEqual([live])
    const swept = await Promise.all([sweepLeases(w.sql), sweepLeases(w.sql), sweepLeases(w.sql)])
    expect(Math.max(...swept)).toBe(1)
    expect(await w.db.select().from(creditLeases)).toMatchObject([{ id: live }])
    expect(await balanceOf(w, w.userId)).toBe(900n)
    expect(await sweepLeases(w.sql)).toBe(0)
  })
})

test.each<[string, Partial<typeof subscriptions.$inferInsert>, boolean]>([
  ['that runs counts', {}, true],
  ['that begins now counts', { startsAt: TODAY }, true],
  ['that begins later does not', { startsAt: new Date(TODAY.getTime() + 1) }, false],
  ['that ends now does not', { expiresAt: TODAY }, false],
  ['that was revoked does not', { status: 'revoked' }, false],
])('a subscription %s', async (_, values, counts) => {
  await using w = await world()
  const { userId, groupId } = w
  const row = { userId, groupId, startsAt: MONTH, expiresAt: new Date('2027-01-01'), ...values }
  await w.db.insert(subscriptions).values(row)
  expect((await activeSubscription(w.sql, { userId, groupId, at: TODAY })) !== null).toBe(counts)
  expect(await activeSubscription(w.sql, { userId: userId + 1, groupId, at: TODAY })).toBeNull()
})
