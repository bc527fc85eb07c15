import { createPriceList } from '@turnpike/core/billing/price'
import { GatewayError } from '@turnpike/core/gateway/errors'
import type { Reservation, ReserveRequest } from '@turnpike/core/gateway/ports'
import { fakeCall } from '@turnpike/core/gateway/testing/fake-call'
import { fakeCandidate } from '@turnpike/core/gateway/testing/fake-candidate'
import { createFakeClock } from '@turnpike/core/gateway/testing/fake-clock'
import { balanceMismatches, insertOutcomes, sweepLeases } from '@turnpike/db'
import { balanceChanges, creditLeases, users } from '@turnpike/db/schema'
import { type FreshDatabase, freshDatabase } from '@turnpike/db/testing'
import { makeOutcome } from '@turnpike/db/testing/outcome'
import { expect, test } from 'vitest'
import { makeLog } from '../../../shared/journal/__fixtures__/journal-world.ts'
import { createMoney } from './money.ts'

const PRICES = createPriceList([
  {
    provider: null,
    model: 'up-model',
    serviceTier: null,
    inputNano: 0n,
    cachedInputNano: null,
    cacheWriteNano: null,
    outputNano: 1_000_000_000n,
    tiers: [],
    validFrom: new Date(0),
  },
])
/** Of a request that states five tokens. */
const PRICE = 5_000

/** Instances that share one database with one user. */
async function makeWorld(balanceNano: number, instanceCount = 1) {
  const fresh = await freshDatabase()
  const [user] = await fresh.db
    .insert(users)
    .values({ email: 'a@example.com', balanceNano: BigInt(balanceNano) })
    .returning()
  const userId = user?.id ?? 0
  await fresh.db.insert(balanceChanges).values({ userId, kind: 'adjustment', amountNano: BigInt(balanceNano) })
  const clock = createFakeClock()
  const log = makeLog()
  const instances = Array.from({ length: instanceCount }, (_, index) =>
    createMoney({
      sql: fresh.sql,
      checkSql: fresh.sql,
      bootId: `boot-${index}`,
      instances: () => instanceCount,
      timeZone: () => 'UTC',
      prices: () => PRICES,
      now: clock.now,
      monotonic: clock.monotonic,
      log,
    }),
  )
  let requests = 0
  const request = (changes: Partial<ReserveRequest> = {}): ReserveRequest => ({
    requestId: `00000000-0000-7000-8000-${String(++requests).padStart(12, '0')}`,
    userId,
    keyId: 1,
    hasSpendingLimit: false,
    group: { ...fakeCall().caller.group, billing: 'balance' },
    candidates: [fakeCandidate(1)],
    inputBytes: 300,
    maxOutputTokens: 5,
    atMs: clock.now(),
    ...changes,
  })
  return { ...fresh, userId, clock, log, instances, request }
}

type World = Awaited<ReturnType<typeof makeWorld>>

async function reserve(money: World['instances'][number], request: ReserveRequest): Promise<Reservation | string> {
  try {
    return (await money.port.reserve(request)) ?? 'free'
  } catch (error) {
    return error instanceof GatewayError ? error.code : String(error)
  }
}

/** The end of a request: settled, and in the ledger. */
async function ship(
  world: World,
  money: World['instances'][number],
  request: ReserveRequest,
  held: Reservation,
  nano: number,
) {
  held.settle(nano)
  const { requestId, userId, atMs } = request
  const outcome = makeOutcome({
    requestId,
    userId,
    createdAtMs: atMs,
    billing: 'balance',
    billedNano: nano,
    leases: [...held.leases],
  })
  await insertOutcomes(world.sql, [JSON.stringify(outcome)])
  money.onShipped([requestId])
}

async function storedBalance({ db }: FreshDatabase): Promise<number> {
  const [user] = await db.select().from(users)
  return Number(user?.balanceNano)
}

test('where nobody pays nothing is reserved, at once', async () => {
  await using world = await makeWorld(0)
  const [money] = world.instances
  expect(money?.port.reserve(world.request({ group: fakeCall().caller.group }))).toBeNull()
})

test('three instances serve exactly what a balance is good for, of 2,000 that come together', async () => {
  await using world = await makeWorld(100 * PRICE, 3)
  const asked = Array.from({ length: 2_000 }, (_, index) => ({
    request: world.request(),
    money: world.instances[index % 3] ?? world.instances[0],
  }))
  const answers = await Promise.all(
    asked.map(async ({ money, request }) => (money === undefined ? 'none' : await reserve(money, request))),
  )
  const held = answers.filter((answer) => typeof answer !== 'string')
  expect(held).toHaveLength(100)
  expect(answers.filter((answer) => answer === 'insufficient_balance')).toHaveLength(1_900)
  for (const [index, { request, money }] of asked.entries()) {
    const answer = answers[index]
    if (typeof answer === 'object' && money !== undefined) await ship(world, money, request, answer, PRICE)
  }
  expect(await balanceMismatches(world.sql, 'ledger')).toEqual([])
  for (const money of world.instances) await money.close()
  expect(await storedBalance(world)).toBe(0)
  expect(await world.db.select().from(creditLeases)).toEqual([])
}, 120_000)

test('idle credit goes back by itself', async () => {
  await using world = await makeWorld(1_000 * PRICE)
  const [money] = world.instances
  if (money === undefined) throw new Error('no instance')
  const request = world.request()
  const held = await reserve(money, request)
  if (typeof held === 'string') throw new Error(held)
  expect(await storedBalance(world)).toBe(1_000 * PRICE - 125 * PRICE)
  world.clock.advance(1_000)
  await money.tidy()
  expect(await storedBalance(world)).toBe(999 * PRICE)
  await ship(world, money, request, held, 2_000)
  world.clock.advance(1_000)
  await money.tidy()
  expect(await storedBalance(world)).toBe(1_000 * PRICE - 2_000)
  expect(await world.db.select().from(creditLeases)).toEqual([])
  expect(await balanceMismatches(world.sql, 'counter')).toEqual([])
})

test('a bill beyond its estimate is booked below zero and refuses the next', async () => {
  await using world = await makeWorld(PRICE)
  const [money] = world.instances
  if (money === undefined) throw new Error('no instance')
  const request = world.request()
  const held = await reserve(money, request)
  if (typeof held === 'string') throw new Error(held)
  await ship(world, money, request, held, PRICE + 700)
  expect(await storedBalance(world)).toBe(-700)
  expect(await reserve(money, world.request({ maxOutputTokens: null }))).toBe('insufficient_balance')
  expect(await balanceMismatches(world.sql, 'ledger')).toEqual([])
})

test('what a dead instance held is back when its lease ends, and its last bills are still paid', async () => {
  await using world = await makeWorld(10 * PRICE, 2)
  const [dead, survivor] = world.instances
  if (dead === undefined || survivor === undefined) throw new Error('no instances')
  const request = world.request()
  const held = await reserve(dead, request)
  if (typeof held === 'string') throw new Error(held)
  await world.sql`update credit_leases set expires_at = now() - interval '1 second'`
  await survivor.sweep()
  expect(await storedBalance(world)).toBe(10 * PRICE)
  expect(world.log.messages).toEqual(['credit of instances that are gone was returned'])
  await ship(world, dead, request, held, PRICE)
  expect(await storedBalance(world)).toBe(9 * PRICE)
  expect(await balanceMismatches(world.sql, 'ledger')).toEqual([])
})

test('a lease that was swept while its instance slept is not lent from once that is known', async () => {
  await using world = await makeWorld(1_000 * PRICE)
  const [money] = world.instances
  if (money === undefined) throw new Error('no instance')
  const held = await reserve(money, world.request())
  if (typeof held === 'string') throw new Error(held)
  await world.sql`update credit_leases set expires_at = now() - interval '1 second'`
  expect(await sweepLeases(world.sql)).toBe(1)
  await money.renew()
  const next = await reserve(money, world.request())
  expect(next).not.toMatchObject({ leases: held.leases })
  expect(await balanceMismatches(world.sql, 'counter')).toEqual([])
})

test('a bill given twice is paid once', async () => {
  await using world = await makeWorld(10 * PRICE)
  const [money] = world.instances
  if (money === undefined) throw new Error('no instance')
  const request = world.request()
  const held = await reserve(money, request)
  if (typeof held === 'string') throw new Error(held)
  await ship(world, money, request, held, PRICE)
  await ship(world, money, request, held, PRICE)
  await money.close()
  expect(await storedBalance(world)).toBe(9 * PRICE)
})

test('money that nothing explains is reported', async () => {
  await using world = await makeWorld(PRICE)
  const [money] = world.instances
  await money?.check('counter')
  expect([world.log.messages, money?.stats().mismatches]).toEqual([[], 0])
  await world.sql`update users set balance_nano = balance_nano + 1`
  await money?.check('counter')
  await money?.check('ledger')
  expect([world.log.messages, money?.stats().mismatches]).toEqual([['balance_mismatch', 'balance_mismatch'], 1])
})
