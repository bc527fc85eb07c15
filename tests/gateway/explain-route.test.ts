import { apiKeys, groups, prices, users } from '@turnpike/db/schema'
import { eq } from 'drizzle-orm'
import { expect, test } from 'vitest'
import type { ExplainedRoute } from '../../apps/server/src/features/gateway/explain/explained-route.ts'
import { opsExplainRoute } from '../../packages/core/src/inputs/explain-route.ts'
import { type Answered, errorOf, type GatewayWorld, startGatewayWorld } from '../support/gateway-world.ts'
import { waitFor } from '../support/wait-for.ts'

type Options = NonNullable<Parameters<typeof startGatewayWorld>[0]>

interface Situation {
  options?: Options
  /** What happens before anybody asks. */
  before?(world: GatewayWorld): Promise<unknown>
  /** Beside key and model. */
  asks?: object
  real?(world: GatewayWorld): Promise<Answered>
  /** The index of the account that serves, or the code of the refusal. */
  expected: number | string
}

const FREE = { concurrency: 0 }
const WAIT_MS = 10_000

async function keyId(world: GatewayWorld): Promise<number> {
  const [key] = await world.db.select().from(apiKeys).where(eq(apiKeys.userId, world.userId)).orderBy(apiKeys.id)
  return key?.id ?? 0
}

async function explain(world: GatewayWorld, asks: object = {}): Promise<ExplainedRoute> {
  return world.gateway.explainRoute(
    opsExplainRoute.parse({ keyId: await keyId(world), model: 'sandbox-small', ...asks }),
  )
}

/** Everything that a request could have changed. */
async function state(world: GatewayWorld) {
  const { sql, gateway } = world
  const tables = await sql`
    select (select json_agg(to_jsonb(u) - 'last_used_at' order by id) from users u) as users,
      (select json_agg(to_jsonb(a) - 'last_used_at' order by id) from accounts a) as accounts,
      (select json_agg(c order by id) from credit_leases c) as leases, (select count(*) from usage_logs) as ledger,
      (select json_agg(s) from key_spending s) as spending`
  const { heldSlots, money } = gateway.stats()
  return { tables: tables[0], heldSlots, money, gauges: gateway.gauges(), upstream: world.sandboxes.map(asked) }
}

/** Until nothing is written any more of what came before. */
async function settle({ gateway }: GatewayWorld): Promise<void> {
  await gateway.flush()
  await gateway.recordAccounts()
  await waitFor('bills to be in the ledger', () => gateway.stats().money.pending === 0, WAIT_MS)
}

/** Without what changes while time goes by. */
function codeOf(verdict: ExplainedRoute['verdict']): object {
  return verdict.kind === 'refused' ? { ...verdict, refusal: verdict.refusal.code } : verdict
}

function asked({ requests }: GatewayWorld['sandboxes'][number]): number {
  return requests.length
}

/** A price of one dollar for a million tokens of output. */
async function price(world: GatewayWorld): Promise<void> {
  const row = { model: 'sandbox-small', inputNano: 0n, outputNano: 1_000_000_000n, validFrom: new Date(0) }
  await world.db.insert(prices).values(row)
  await world.gateway.reload()
}

/** A request that runs until the world ends. */
async function occupy(world: GatewayWorld): Promise<void> {
  world.setFault({ kind: 'no_answer' })
  void world.chat().catch(() => {})
  await waitFor('a request to run', () => (world.sandboxes[0] ? asked(world.sandboxes[0]) : 0) > 0, WAIT_MS)
}

async function change(world: GatewayWorld, statement: Promise<unknown>): Promise<void> {
  await statement
  await world.gateway.reload()
}

const session = (name: string) => ({
  asks: { session: name },
  real: (w: GatewayWorld) => w.chat({ prompt_cache_key: name }),
})

const SITUATIONS: Record<string, Situation> = {
  'one account': { expected: 0 },
  'an account of lower number before others': {
    options: { accounts: [{ priority: 2 }, { priority: 1 }] },
    expected: 1,
  },
  'a session that nobody knows': { options: { accounts: [{}, {}, {}] }, ...session('s'), expected: 0 },
  'a session that is bound': {
    options: { accounts: [{ priority: 1 }, { priority: 2 }] },
    async before(world) {
      await change(world, world.sql`update accounts set schedulable = false where id = ${world.accountIds[0] ?? 0}`)
      await world.chat({ prompt_cache_key: 's' })
      await change(world, world.sql`update accounts set schedulable = true`)
    },
    ...session('s'),
    expected: 1,
  },
  'an account that cools': {
    options: { accounts: [{ priority: 1 }, { priority: 2 }] },
    async before(world) {
      world.setFault({ kind: 'status', status: 429 })
      await world.chat()
      world.setFault({ kind: 'split' })
    },
    expected: 1,
  },
  'no account at all': {
    before: (world) => change(world, world.sql`update accounts set schedulable = false`),
    expected: 'no_available_accounts',
  },
  'the only account full, where nobody waits': {
    options: { accounts: [{ concurrency: 1 }], group: { onBusy: 'fail' } },
    before: occupy,
    expected: 'account_concurrency_limit',
  },
  'the first account full': {
    options: { accounts: [{ priority: 1, concurrency: 1 }, { priority: 2 }] },
    before: occupy,
    expected: 1,
  },
  'the user full, where nobody waits': {
    options: { user: { concurrency: 1 }, group: { onBusy: 'fail' } },
    before: occupy,
    expected: 'user_concurrency_limit',
  },
  'the key full, where nobody waits': {
    options: { key: { concurrency: 1 }, group: { onBusy: 'fail' } },
    before: occupy,
    expected: 'key_concurrency_limit',
  },
  'a key that is disabled': { options: { key: { status: 'disabled' } }, expected: 'invalid_api_key' },
  'a key that has expired': { options: { key: { expiresAt: new Date(0) } }, expected: 'invalid_api_key' },
  'a user who may not': { options: { user: { status: 'disabled' } }, expected: 'invalid_api_key' },
  'a stranger’s address': {
    options: { key: { cidrs: ['10.0.0.0/8'] } },
    asks: { clientIp: '127.0.0.1' },
    expected: 'ip_not_allowed',
  },
  'a group that is disabled': { options: { group: { status: 'disabled' } }, expected: 'group_unavailable' },
  'a model the key may not use': { options: { key: { models: ['other'] } }, expected: 'model_not_found' },
  'a model nobody serves': {
    options: { accounts: [{ models: ['other'] }] },
    expected: 'model_not_found',
  },
  'a rate that is used up': {
    options: { key: { requestsPerMinute: 1 } },
    before: (world) => world.chat(),
    expected: 'requests_per_minute',
  },
  'a rate of the group that is used up': {
    options: { group: { requestsPerMinute: 1 } },
    before: (world) => world.chat(),
    expected: 'requests_per_minute',
  },
  'a rate with room for one': { options: { key: { requestsPerMinute: 1 } }, expected: 0 },
  'more tokens than the rate': {
    options: { key: { tokensPerMinute: 100 } },
    asks: { maxOutputTokens: 1_000 },
    real: (world) => world.chat({ max_tokens: 1_000 }),
    expected: 'tokens_per_minute',
  },
  'a balance of nothing': {
    options: { group: { billing: 'balance' } },
    before: price,
    expected: 'insufficient_balance',
  },
  'a balance that lasts': {
    options: { group: { billing: 'balance' }, user: { balanceNano: 1_000_000_000n } },
    before: price,
    asks: { maxOutputTokens: 10 },
    real: (world) => world.chat({ max_tokens: 10 }),
    expected: 0,
  },
  'a balance for less than is asked': {
    options: { group: { billing: 'balance' }, user: { balanceNano: 5_000n } },
    before: price,
    asks: { maxOutputTokens: 10 },
    real: (world) => world.chat({ max_tokens: 10 }),
    expected: 'insufficient_balance',
  },
  'a key that has spent what it may': {
    options: { key: { limitTotalNano: 1n } },
    before: price,
    asks: { maxOutputTokens: 10 },
    real: (world) => world.chat({ max_tokens: 10 }),
    expected: 'key_spending_limit',
  },
  'no subscription': {
    options: { group: { billing: 'subscription' } },
    before: price,
    expected: 'subscription_expired',
  },
  'a response that nobody made': {
    asks: { endpoint: '/v1/responses', previousResponseId: 'resp_nobody' },
    real: (world) => world.responses({ previous_response_id: 'resp_nobody' }),
    expected: 'previous_response_not_found',
  },
  'a response to go on from, where accounts keep none': {
    options: { accounts: [{ protocol: 'chat' }] },
    asks: { endpoint: '/v1/responses', previousResponseId: 'resp_nobody' },
    real: (world) => world.responses({ previous_response_id: 'resp_nobody' }),
    expected: 'unsupported_parameter',
  },
}

test.each(Object.entries(SITUATIONS))(
  'a dry run tells what a request then meets, and changes nothing: %s',
  async (_, situation) => {
    const { options = {}, before, asks, real = (world) => world.chat(), expected } = situation
    const accounts = (options.accounts ?? [{}]).map((account) => ({ ...FREE, ...account }))
    await using world = await startGatewayWorld({ ...options, accounts })
    await before?.(world)
    await settle(world)
    const earlier = await state(world)
    const { verdict } = await explain(world, asks)
    expect(codeOf((await explain(world, asks)).verdict)).toEqual(codeOf(verdict))
    expect(await state(world)).toEqual(earlier)
    const counts = world.sandboxes.map(asked)
    const answer = await real(world)
    if (verdict.kind === 'refused') {
      expect([verdict.refusal.code, verdict.refusal.status]).toEqual([errorOf(answer).code, answer.status])
      expect(verdict.refusal.code).toBe(expected)
    } else {
      expect(answer.status).toBe(200)
      const served = world.sandboxes.findIndex((sandbox, index) => asked(sandbox) > (counts[index] ?? 0))
      expect(world.accountIds.indexOf(verdict.accountId)).toBe(served)
      if (!('session' in (asks ?? {})) || accounts.length < 3) expect(served).toBe(expected)
    }
  },
)

test('a request that would wait is told for what, behind whom, and what becomes of it in vain', async () => {
  await using world = await startGatewayWorld({ accounts: [{ concurrency: 1 }] })
  await occupy(world)
  const route = await explain(world)
  const [accountId] = world.accountIds
  expect(route.verdict).toEqual({ kind: 'waits', for: 'account', accountId })
  expect(route.steps?.account).toMatchObject({
    queues: [{ accountId, upToMs: 30_000, ahead: 0 }],
    inVain: { accountId: null, refusal: { code: 'account_concurrency_limit', status: 429 } },
  })
})

test('a session whose account is full waits for it a little, and then goes to another', async () => {
  await using world = await startGatewayWorld({ accounts: [{ priority: 1, concurrency: 1 }, { priority: 2 }] })
  await world.chat({ prompt_cache_key: 's' })
  await occupy(world)
  const route = await explain(world, { session: 's' })
  const [bound, other] = world.accountIds
  expect(route.verdict).toEqual({ kind: 'waits', for: 'account', accountId: bound })
  expect(route.steps?.account).toMatchObject({
    session: { boundTo: bound },
    queues: [{ accountId: bound, upToMs: 1_500 }],
    inVain: { accountId: other, refusal: null },
  })
})

test('a user whose slots are taken is told that he would wait for one', async () => {
  await using world = await startGatewayWorld({ user: { concurrency: 1 } })
  await occupy(world)
  const route = await explain(world)
  expect(route.verdict).toEqual({ kind: 'waits', for: 'user_slot', accountId: world.accountIds[0] })
  expect(route.steps?.limits).toMatchObject({
    user: { inFlight: 1, waiting: 0, limit: 1 },
    waitsFor: { code: 'user_concurrency_limit' },
  })
})

test('steps behind a refusal are told as well, with every candidate and its reason', async () => {
  const accounts = [
    { priority: 1, schedulable: false },
    { priority: 2 },
    { priority: 3 },
    ...Array(5).fill({ priority: 4 }),
  ]
  await using world = await startGatewayWorld({ accounts, key: { models: ['other'] } })
  const route = await explain(world, { inputTokens: 300, maxOutputTokens: 100 })
  expect(route.verdict).toMatchObject({ kind: 'refused', step: 'policy', refusal: { code: 'model_not_found' } })
  expect(route.steps?.candidates.map(({ reason }) => reason)).toEqual([
    'unschedulable',
    null,
    ...Array(6).fill('lower_priority'),
  ])
  expect(route.steps?.limits.estimatedTokens).toBe(400)
  expect(route.steps?.price).toMatchObject({ upstreamModel: 'sandbox-small', inputTokens: 300, outputTokens: 100 })
})

test('a user and a group are asked for as a key without limits of its own', async () => {
  await using world = await startGatewayWorld({ key: { status: 'disabled' } })
  const asks = { keyId: undefined, userId: world.userId, groupId: world.groupId }
  const route = await explain(world, asks)
  expect(route.verdict).toEqual({ kind: 'served', accountId: world.accountIds[0] })
  expect(route.key).toMatchObject({ keyId: null, userId: world.userId, groupId: world.groupId })
  await change(world, world.db.update(groups).set({ status: 'disabled' }))
  expect(await explain(world, asks)).toMatchObject({
    verdict: { kind: 'refused', step: 'key', refusal: { code: 'group_unavailable' } },
    steps: null,
  })
  await world.db.update(users).set({ status: 'disabled' })
  expect((await explain(world, asks)).verdict).toMatchObject({ refusal: { code: 'invalid_api_key' } })
})

test('who asks for a key or a user that is not there is told so', async () => {
  await using world = await startGatewayWorld()
  await expect(explain(world, { keyId: 9_999 })).rejects.toMatchObject({ reason: 'not_found', field: 'keyId' })
  const nobody = { keyId: undefined, userId: 9_999, groupId: world.groupId }
  await expect(explain(world, nobody)).rejects.toMatchObject({ reason: 'not_found', field: 'userId' })
})
