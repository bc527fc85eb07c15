import { setTimeout as sleep } from 'node:timers/promises'
import { balanceMismatches } from '@turnpike/db'
import { balanceChanges, creditLeases, groups, keySpending, prices, subscriptions, users } from '@turnpike/db/schema'
import { eq } from 'drizzle-orm'
import { describe, expect, test } from 'vitest'
import { type Answered, errorOf, type GatewayWorld, startGatewayWorld } from '../support/gateway-world.ts'
import { waitFor } from '../support/wait-for.ts'

/** What the sandbox answers when it is asked for this, in tokens; and what that costs where only output is priced. */
const TOKENS = 5
const PRICE = 5_000n
const DAY_MS = 86_400_000
const SETTLED_MS = 10_000
const MAX_TRIES = 5
const CRUSHES = Number(process.env.SOAK_CRUSHES ?? 3)

type WorldOptions = NonNullable<Parameters<typeof startGatewayWorld>[0]>

/** A world in which a request costs `PRICE`, as estimated and as billed. */
async function pricedWorld(options: WorldOptions = {}) {
  const world = await startGatewayWorld({ accounts: [{ concurrency: 0 }], ...options })
  const validFrom = new Date(0)
  await world.db.insert(prices).values({ model: 'sandbox-small', inputNano: 0n, outputNano: 1_000_000_000n, validFrom })
  await world.gateway.reload()
  return world
}

/** Asks for so many tokens and gets them. */
function ask(world: GatewayWorld, tokens: number | null = TOKENS, words = 50, body: object = {}): Promise<Answered> {
  const content = `Hello [[sandbox: words=${words}]]`
  const limit = tokens === null ? {} : { max_tokens: tokens }
  return world.chat({ messages: [{ role: 'user', content }], ...limit, ...body })
}

/** Who is told to come again comes again, as the SDKs do: a machine that is busy may be late with credit. */
async function askUntilAnswered(world: GatewayWorld): Promise<Answered> {
  for (let tries = 1; ; tries++) {
    const answer = await ask(world)
    if (answer.headers.get('x-should-retry') !== 'true' || tries === MAX_TRIES) return answer
    await sleep(Number(answer.headers.get('retry-after-ms')))
  }
}

/** The balance as people see it, once all that ran is settled and nothing is leased. */
async function settledBalance(world: GatewayWorld): Promise<bigint> {
  await world.ledger()
  await waitFor('credit to go back', async () => (await world.db.select().from(creditLeases)).length === 0, SETTLED_MS)
  const [user] = await world.db.select().from(users).where(eq(users.id, world.userId))
  return user?.balanceNano ?? 0n
}

async function expectExplained(world: GatewayWorld): Promise<void> {
  expect(await balanceMismatches(world.sql, 'ledger')).toEqual([])
  expect(await balanceMismatches(world.sql, 'counter')).toEqual([])
}

function codesOf(answers: Answered[]): Record<string, number> {
  const counts: Record<string, number> = {}
  for (const answer of answers) {
    const code = answer.status === 200 ? '200' : `${answer.status} ${errorOf(answer).code}`
    counts[code] = (counts[code] ?? 0) + 1
  }
  return counts
}

describe('a balance', () => {
  test(
    `for exactly 100 requests serves 100 of 2,000 that come together, ${CRUSHES} times`,
    async () => {
      await using world = await pricedWorld({ group: { billing: 'balance' }, user: { concurrency: 0 } })
      // The first ones of a process take their time, which is not what is asked here.
      const first = await Promise.all(Array.from({ length: 100 }, () => ask(world)))
      expect(codesOf(first)).toEqual({ '403 insufficient_balance': 100 })
      for (let crush = 0; crush < CRUSHES; crush++) {
        await credit(world, 100n * PRICE)
        const answers = await Promise.all(Array.from({ length: 2_000 }, () => askUntilAnswered(world)))
        expect(codesOf(answers)).toEqual({ '200': 100, '403 insufficient_balance': 1_900 })
        expect(await settledBalance(world)).toBe(0n)
        const rows = await world.ledger()
        expect(rows.reduce((sum, { billedNano }) => sum + billedNano, 0n)).toBe(100n * PRICE * BigInt(crush + 1))
        await expectExplained(world)
      }
    },
    60_000 * CRUSHES,
  )

  test('pays what was used, not what was estimated, and the rest goes back', async () => {
    await using world = await pricedWorld({ group: { billing: 'balance' }, user: { balanceNano: 1_000_000_000n } })
    const { status } = await ask(world, 1_000, 5)
    expect(status).toBe(200)
    const [row] = await world.ledger()
    expect(row).toMatchObject({ billing: 'balance', priceRule: 'usage', subscriptionId: null })
    expect(row?.billedNano).toBeLessThan(20_000n)
    expect(await settledBalance(world)).toBe(1_000_000_000n - (row?.billedNano ?? 0n))
    await expectExplained(world)
  })

  test('of less than a stated maximum refuses, and nothing stays reserved', async () => {
    await using world = await pricedWorld({ group: { billing: 'balance' }, user: { balanceNano: PRICE - 1n } })
    const refused = await ask(world)
    expect([refused.status, errorOf(refused)]).toMatchObject([
      403,
      { type: 'billing_error', code: 'insufficient_balance', message: 'Insufficient balance' },
    ])
    expect(refused.headers.get('x-should-retry')).toBe('false')
    expect(await settledBalance(world)).toBe(PRICE - 1n)
    expect(await world.ledger()).toEqual([])
  })

  test('of less than what is assumed serves one request at a time that states no maximum, down to an overdraft', async () => {
    await using world = await pricedWorld({ group: { billing: 'balance' }, user: { balanceNano: PRICE } })
    const answers = await Promise.all(Array.from({ length: 5 }, () => ask(world, null, 100)))
    expect(codesOf(answers)).toEqual({ '200': 1, '403 insufficient_balance': 4 })
    const overdraft = await settledBalance(world)
    expect(overdraft).toBeLessThan(-50_000n)
    await expectExplained(world)
    expect(codesOf([await ask(world, 0), await ask(world, null)])).toEqual({ '403 insufficient_balance': 2 })
    await credit(world, 1_000_000n - overdraft)
    expect((await ask(world)).status).toBe(200)
    expect(await settledBalance(world)).toBe(1_000_000n - PRICE)
  })

  test('is not asked for what reached nobody', async () => {
    await using world = await pricedWorld({ group: { billing: 'balance' }, user: { balanceNano: 10n * PRICE } })
    world.setFault({ kind: 'status', status: 400 })
    expect((await ask(world)).status).toBe(400)
    expect(await settledBalance(world)).toBe(10n * PRICE)
    expect(await world.ledger()).toMatchObject([{ billedNano: 0n, priceRule: 'nothing' }])
  })

  test('is told to its key: what is stored and what is leased', async () => {
    await using world = await pricedWorld({ group: { billing: 'balance' }, user: { balanceNano: 1_000_000_000n } })
    const answers = await Promise.all([ask(world), ask(world)])
    expect(codesOf(answers)).toEqual({ '200': 2 })
    await world.ledger()
    const { text } = await world.request('/v1/usage', { method: 'GET' })
    expect(JSON.parse(text)).toMatchObject({
      balance: '0.99999',
      spent: { day: '0.00001', month: '0.00001', total: '0.00001' },
      requests: 2,
    })
  })

  test('that cannot be asked refuses, and is whole afterwards', async () => {
    await using world = await pricedWorld({ group: { billing: 'balance' }, user: { balanceNano: 10n * PRICE } })
    await world.sql`alter function credit_room rename to elsewhere`
    const refused = await ask(world)
    expect([refused.status, errorOf(refused)]).toMatchObject([503, { type: 'api_error', code: 'balance_unavailable' }])
    expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0)
    await world.sql`alter function elsewhere rename to credit_room`
    expect((await ask(world)).status).toBe(200)
    expect(await settledBalance(world)).toBe(9n * PRICE)
  })
})

describe('a model without a price', () => {
  const UNPRICED = { modelMapping: { 'sandbox-small': 'sandbox-small', unknown: 'nobody-knows?words=3' } }

  test('is refused where somebody would have to pay', async () => {
    await using world = await pricedWorld({
      accounts: [UNPRICED],
      group: { billing: 'balance' },
      user: { balanceNano: 1_000_000_000n },
    })
    const refused = await world.chat({ model: 'unknown' })
    expect([refused.status, errorOf(refused)]).toMatchObject([403, { code: 'model_not_priced', type: 'billing_error' }])
    expect(await settledBalance(world)).toBe(1_000_000_000n)
  })

  test('is never chosen where another account has one', async () => {
    await using world = await pricedWorld({
      accounts: [{ modelMapping: { any: 'nobody-knows' }, priority: 1 }, { modelMapping: { any: 'sandbox-small' } }],
      group: { billing: 'balance' },
      user: { balanceNano: 1_000_000_000n },
    })
    expect((await ask(world, TOKENS, 50, { model: 'any' })).status).toBe(200)
    const [row] = await world.ledger()
    expect(row).toMatchObject({ accountId: world.accountIds[1], upstreamModel: 'sandbox-small', billedNano: PRICE })
    expect(row?.decision.candidates).toContainEqual({ accountId: world.accountIds[0], reason: 'not_priced' })
  })
})

describe('a key with a spending limit', () => {
  test.each<[string, object]>([
    ['all in all', { limitTotalNano: 2n * PRICE }],
    ['a day', { limitDayNano: 2n * PRICE }],
    ['a month', { limitMonthNano: 2n * PRICE }],
  ])('%s is refused beyond it, also where its group bills nothing', async (_, key) => {
    await using world = await pricedWorld({ key })
    const answers = await Promise.all(Array.from({ length: 10 }, () => ask(world)))
    expect(codesOf(answers)).toEqual({ '200': 2, '403 key_spending_limit': 8 })
    await world.ledger()
    expect(await world.db.select().from(keySpending)).toMatchObject([
      { totalNano: 2n * PRICE, dayNano: 2n * PRICE, monthNano: 2n * PRICE },
    ])
    expect((await ask(world)).status).toBe(403)
  })

  test('leaves nothing of a balance reserved when it refuses, nor the other way round', async () => {
    await using world = await pricedWorld({
      group: { billing: 'balance' },
      user: { balanceNano: 3n * PRICE },
      key: { limitTotalNano: 2n * PRICE },
    })
    const answers = await Promise.all(Array.from({ length: 6 }, () => ask(world)))
    expect(codesOf(answers)).toEqual({ '200': 2, '403 key_spending_limit': 4 })
    expect(await settledBalance(world)).toBe(PRICE)
    const other = await world.addKey({ limitTotalNano: 3n * PRICE })
    const more = await Promise.all(Array.from({ length: 3 }, () => asKey(world, other)))
    expect(codesOf(more)).toEqual({ '200': 1, '403 insufficient_balance': 2 })
    expect(await settledBalance(world)).toBe(0n)
    await expectExplained(world)
  })
})

describe('a subscription', () => {
  const now = Date.now()

  async function subscribed(values: Partial<typeof subscriptions.$inferInsert>, group: WorldOptions['group'] = {}) {
    const world = await pricedWorld({ group: { billing: 'subscription', ...group } })
    const row = { startsAt: new Date(now - DAY_MS), expiresAt: new Date(now + DAY_MS), ...values }
    await world.db.insert(subscriptions).values({ userId: world.userId, groupId: world.groupId, ...row })
    return world
  }

  test.each<[string, string, WorldOptions['group']]>([
    ['daily_limit', 'Daily limit reached', { limitDayNano: 2n * PRICE, limitWeekNano: 3n * PRICE }],
    ['weekly_limit', 'Weekly limit reached', { limitDayNano: 3n * PRICE, limitWeekNano: 2n * PRICE }],
    ['monthly_limit', 'Monthly limit reached', { limitMonthNano: 2n * PRICE }],
  ])('is refused by its tightest window: %s', async (code, message, group) => {
    await using world = await subscribed({}, group)
    const answers = await Promise.all(Array.from({ length: 8 }, () => ask(world)))
    expect(codesOf(answers)).toEqual({ '200': 2, [`403 ${code}`]: 6 })
    expect(answers.filter(({ status }) => status === 403).map((answer) => errorOf(answer).message)).toContain(message)
    await world.ledger()
    const [row] = await world.db.select().from(subscriptions)
    expect(row).toMatchObject({ daySpentNano: 2n * PRICE, weekSpentNano: 2n * PRICE, monthSpentNano: 2n * PRICE })
    expect(row?.dayStartedAt?.toISOString()).toMatch(/T00:00:00.000Z$/)
    expect((await world.ledger()).map(({ billing, subscriptionId }) => [billing, subscriptionId])).toEqual([
      ['subscription', row?.id],
      ['subscription', row?.id],
    ])
  })

  test('without limits is served without end', async () => {
    await using world = await subscribed({})
    expect(codesOf(await Promise.all(Array.from({ length: 5 }, () => ask(world))))).toEqual({ '200': 5 })
  })

  test('begins a window that is over anew', async () => {
    const spent = { daySpentNano: 9n * PRICE, weekSpentNano: 9n * PRICE, monthSpentNano: 9n * PRICE }
    const began = new Date(now - 2 * DAY_MS)
    await using world = await subscribed(
      { ...spent, dayStartedAt: began, weekStartedAt: began, monthStartedAt: began },
      { limitDayNano: PRICE, limitWeekNano: 10n * PRICE },
    )
    expect((await ask(world)).status).toBe(200)
    await world.ledger()
    expect(await world.db.select().from(subscriptions)).toMatchObject([
      { daySpentNano: PRICE, weekSpentNano: 10n * PRICE, monthSpentNano: 10n * PRICE },
    ])
  })

  test.each<[string, Partial<typeof subscriptions.$inferInsert>]>([
    ['that has expired', { expiresAt: new Date(now - 1_000) }],
    ['that has not begun', { startsAt: new Date(now + DAY_MS), expiresAt: new Date(now + 2 * DAY_MS) }],
    ['that was revoked', { status: 'revoked' }],
  ])('%s is none', async (_, values) => {
    await using world = await subscribed(values)
    const refused = await ask(world)
    expect([refused.status, errorOf(refused)]).toMatchObject([
      403,
      { code: 'subscription_expired', message: 'Subscription expired', type: 'billing_error' },
    ])
  })

  test('that is revoked is over within a second', async () => {
    await using world = await subscribed({})
    expect((await ask(world)).status).toBe(200)
    await world.db.update(subscriptions).set({ status: 'revoked' })
    await waitFor('the refusal', async () => (await ask(world)).status === 403, 1_000)
  })
})

test.each(['none', 'balance'] as const)(
  'the price of the service tier that was served counts, billing %s',
  async (billing) => {
    await using world = await pricedWorld({ group: { billing }, user: { balanceNano: 1_000_000_000n } })
    await world.db.insert(prices).values({
      model: 'sandbox-small',
      serviceTier: 'default',
      inputNano: 0n,
      outputNano: 3_000_000_000n,
      validFrom: new Date(0),
    })
    await world.gateway.reload()
    for (const stream of [false, true]) expect((await ask(world, TOKENS, 50, { stream })).status).toBe(200)
    expect((await world.ledger()).map(({ serviceTier, billedNano }) => [serviceTier, billedNano])).toEqual([
      ['default', 3n * PRICE],
      ['default', 3n * PRICE],
    ])
  },
)

test('what is taken from a balance is not spent from what was leased of it', async () => {
  await using world = await pricedWorld({ group: { billing: 'balance' } })
  await credit(world, 10_000n * PRICE)
  expect(codesOf([await ask(world)])).toEqual({ '200': 1 })
  await credit(world, -9_999n * PRICE)
  await waitFor('the balance to be used up', async () => (await ask(world)).status === 403, 1_000)
  await expectExplained(world)
})

test('a group that begins to bill does so within a second', async () => {
  await using world = await pricedWorld()
  expect((await ask(world)).status).toBe(200)
  await world.db.update(groups).set({ billing: 'balance' })
  await waitFor('the refusal', async () => (await ask(world)).status === 403, 1_000)
})

async function credit(world: GatewayWorld, nano: bigint): Promise<void> {
  await world.db.insert(balanceChanges).values({ userId: world.userId, kind: 'adjustment', amountNano: nano })
  await world.sql`update users set balance_nano = balance_nano + ${String(nano)} where id = ${world.userId}`
}

function asKey(world: GatewayWorld, apiKey: string): Promise<Answered> {
  const body = {
    model: 'sandbox-small',
    max_tokens: TOKENS,
    messages: [{ role: 'user', content: '[[sandbox: words=50]]' }],
  }
  return world.request('/v1/chat/completions', { apiKey, body: JSON.stringify(body) })
}
