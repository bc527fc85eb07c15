import { setTimeout as sleep } from 'node:timers/promises'
import { balanceChanges, prices, users } from '@turnpike/db/schema'
import { eq } from 'drizzle-orm'
import { Agent, request } from 'undici'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { chatAnswer, sendJson, startRawUpstream } from '../support/raw-upstream.ts'
import { redisProgram, startRedisServer } from '../support/redis-server.ts'
import { waitFor } from '../support/wait-for.ts'
import { type Instances, startInstances } from './instances.ts'
import type { Tenant } from './tenant.ts'

const REPETITIONS = Number(process.env.SOAK_BALANCES ?? 2)
const REQUESTS = 2_000
const PAID = 100
/** What each answer reports, and what its caller allows at most. */
const OUTPUT_TOKENS = 2
const TOKEN_NANO = 5_000_000n
const BALANCE_NANO = BigInt(PAID * OUTPUT_TOKENS) * TOKEN_NANO
const MODEL = 'priced-by-output'
const MS_PER_REPETITION = 60_000
const MAX_TRIES = 5
const REFUSED = '403 insufficient_balance'

describe.skipIf(redisProgram === null).each([{ count: 1 }, { count: 3 }])('with $count instances', ({ count }) => {
  const stack = new AsyncDisposableStack()
  let instances: Instances
  let baseUrl: string

  beforeAll(async () => {
    const redis = stack.use(await startRedisServer())
    const usage = { prompt_tokens: 3, completion_tokens: OUTPUT_TOKENS, total_tokens: 3 + OUTPUT_TOKENS }
    const upstream = stack.use(await startRawUpstream((response) => sendJson(response, chatAnswer('Hello', { usage }))))
    baseUrl = upstream.baseUrl
    instances = stack.use(await startInstances({ count, redisUrl: redis.url }))
    await instances.database.db.insert(prices).values({
      model: MODEL,
      inputNano: 0n,
      outputNano: TOKEN_NANO * 1_000_000n,
      validFrom: new Date(0),
    })
  }, 180_000)
  afterAll(() => stack.disposeAsync())

  test(
    `${REQUESTS} parallel requests on a balance for ${PAID}: exactly ${PAID} are answered, ${REPETITIONS} times`,
    async () => {
      for (let repetition = 0; repetition < REPETITIONS; repetition++) {
        const tenant = await plantPayer()
        const statuses = await askTogether(tenant)
        expect(statuses).toEqual(
          new Map([
            ['200', PAID],
            [REFUSED, REQUESTS - PAID],
          ]),
        )
        await waitFor('all of it to be billed', async () => (await billed(tenant)) === BALANCE_NANO, 20_000)
        await waitFor('leased credit to be given back', async () => (await balance(tenant)) === 0n, 20_000)
        expect(await billed(tenant)).toBe(BALANCE_NANO)
      }
    },
    REPETITIONS * MS_PER_REPETITION,
  )

  /** A user with credit for exactly so many answers, known to every instance without having spent any of it. */
  async function plantPayer(): Promise<Tenant> {
    const { db } = instances.database
    const tenant = await instances.plant({ group: { billing: 'balance' }, accounts: [{ baseUrl }] })
    // Who knows his group refuses him: he has nothing yet.
    for (const { origin } of instances.all) {
      await waitFor('the key to be known', async () => (await ask(origin, tenant.key)) === REFUSED, 10_000)
    }
    await db.transaction(async (tx) => {
      await tx.update(users).set({ balanceNano: BALANCE_NANO }).where(eq(users.id, tenant.userId))
      await tx.insert(balanceChanges).values({
        userId: tenant.userId,
        kind: 'adjustment',
        amountNano: BALANCE_NANO,
        reason: 'for the experiment',
      })
    })
    return tenant
  }

  async function askTogether({ key }: Tenant): Promise<Map<string, number>> {
    const agent = new Agent({ connections: 700, pipelining: 1 })
    try {
      const answers = await Promise.all(
        Array.from({ length: REQUESTS }, (_, n) => ask(instances.all[n % count]?.origin ?? '', key, agent)),
      )
      return new Map(
        [...Map.groupBy(answers, (answer) => answer)]
          .map(([answer, all]): [string, number] => [answer, all.length])
          .sort(),
      )
    } finally {
      await agent.close()
    }
  }

  async function billed({ userId }: Tenant): Promise<bigint> {
    const { sql } = instances.database
    const [row] = await sql<{ nano: string | null }[]>`
      select sum(billed_nano)::text as nano from usage_logs where user_id = ${userId} and billing = 'balance'`
    return BigInt(row?.nano ?? 0)
  }

  async function balance({ userId }: Tenant): Promise<bigint> {
    const { sql } = instances.database
    const [row] = await sql<{ nano: string }[]>`
      select (balance_nano + coalesce((select sum(amount_nano) from credit_leases
        where purse = 'balance' and owner_id = ${userId}), 0))::text as nano from users where id = ${userId}`
    return BigInt(row?.nano ?? -1)
  }
})

/** Status and, of a refusal, its code. Who is told to come again comes again, as the SDKs do. */
async function ask(origin: string, key: string, agent?: Agent): Promise<string> {
  for (let tries = 1; ; tries++) {
    const { statusCode, headers, body } = await request(`${origin}/v1/chat/completions`, {
      method: 'POST',
      headers: { authorization: `Bearer ${key}` },
      body: JSON.stringify({ model: MODEL, max_tokens: OUTPUT_TOKENS, messages: [{ role: 'user', content: 'Hello' }] }),
      ...(agent && { dispatcher: agent }),
    })
    const text = await body.text()
    if (statusCode === 200) return '200'
    if (headers['x-should-retry'] !== 'true' || tries === MAX_TRIES)
      return `${statusCode} ${JSON.parse(text).error.code}`
    await sleep(Number(headers['retry-after-ms'] ?? 0))
  }
}
