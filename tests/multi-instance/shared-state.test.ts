import { apiKeys } from '@turnpike/db/schema'
import { eq } from 'drizzle-orm'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { signIn } from '../support/admin.ts'
import { ask } from '../support/load.ts'
import { chatAnswer, type RawUpstream, sendJson, startRawUpstream } from '../support/raw-upstream.ts'
import {
  type RedisCluster,
  type RedisServer,
  redisProgram,
  startRedisCluster,
  startRedisServer,
} from '../support/redis-server.ts'
import type { Turnpike } from '../support/start-turnpike.ts'
import { waitFor } from '../support/wait-for.ts'
import { type Instances, startInstances } from './instances.ts'

/** A change anywhere holds everywhere. */
const SOON_MS = 1_000

const KINDS = [
  { kind: 'one Redis', open: () => startRedisServer() },
  { kind: 'a Redis Cluster', open: () => startRedisCluster() },
]

describe.skipIf(redisProgram === null).each(KINDS)('two instances on $kind', ({ open }) => {
  const stack = new AsyncDisposableStack()
  let redis: RedisServer | RedisCluster
  let instances: Instances
  const upstreams: RawUpstream[] = []
  /** What each upstream answers with. */
  let statuses = [200, 200]

  beforeAll(async () => {
    redis = stack.use(await open())
    instances = stack.use(await startInstances({ count: 2, redisUrl: redis.url }))
    for (const index of [0, 1]) {
      const upstream = await startRawUpstream((response) => {
        const status = statuses[index] ?? 200
        sendJson(response, status === 200 ? chatAnswer() : '{"error":{"message":"no"}}', status)
      })
      upstreams.push(stack.use(upstream))
    }
  }, 180_000)
  afterAll(() => stack.disposeAsync())

  function pair(): [Turnpike, Turnpike] {
    const [one, other] = instances.all
    if (one === undefined || other === undefined) throw new Error('there are two')
    return [one, other]
  }

  async function plant() {
    statuses = [200, 200]
    const tenant = await instances.plant({ accounts: upstreams.map(({ baseUrl }) => ({ baseUrl })) })
    // Whatever is planted is announced: both have read it once they serve it.
    for (const instance of pair()) {
      await waitFor('the tenant to be known', async () => (await call(instance, tenant.key)).status === 200, 5_000)
    }
    for (const upstream of upstreams) upstream.requests.length = 0
    return tenant
  }

  async function call({ origin }: Turnpike, key: string, session?: string) {
    const response = await fetch(`${origin}/v1/chat/completions`, {
      method: 'POST',
      headers: { authorization: `Bearer ${key}`, ...(session !== undefined && { session_id: session }) },
      body: JSON.stringify({ model: 'sandbox-small', messages: [{ role: 'user', content: 'Hello' }] }),
    })
    await response.arrayBuffer()
    return response
  }

  test('a session that one binds is bound on the other, also against what it would draw', async () => {
    const tenant = await plant()
    const [one, other] = pair()
    for (let n = 0; n < 10; n++) {
      const session = `session ${n}`
      // Bound to whichever did not refuse: one of the two that a draw would not have given.
      statuses = n % 2 === 0 ? [500, 200] : [200, 500]
      await call(one, tenant.key, session)
      statuses = [200, 200]
      for (const upstream of upstreams) upstream.requests.length = 0
      await call(other, tenant.key, session)
      await call(one, tenant.key, session)
      expect(upstreams[n % 2 === 0 ? 1 : 0]?.requests.length).toBe(2)
    }
  })

  test('a session that one binds is told of by the other, which only asks the way and binds nothing', async () => {
    const tenant = await plant()
    const [one, other] = pair()
    statuses = [500, 200]
    await call(one, tenant.key, 'told')
    statuses = [200, 200]
    const admin = await signIn(other)
    try {
      const asks = { keyId: tenant.keyId, model: 'sandbox-small' }
      const bound = await admin.ops.explainRoute.query({ ...asks, session: 'told' })
      expect(bound.verdict).toEqual({ kind: 'served', accountId: tenant.accountIds[1] })
      expect(bound.steps?.account.session).toEqual({ boundTo: tenant.accountIds[1], servedBy: tenant.accountIds[1] })
      for (let n = 0; n < 2; n++) {
        const { steps } = await admin.ops.explainRoute.query({ ...asks, session: 'never heard of' })
        expect(steps?.account.session).toEqual({ boundTo: null, servedBy: null })
      }
    } finally {
      await admin.$connection.close()
    }
  })

  test('an account that cools on one is left alone by the other, and is back for both when it is cleared', async () => {
    const tenant = await plant()
    const [one, other] = pair()
    statuses = [401, 401]
    await call(one, tenant.key)
    for (const upstream of upstreams) upstream.requests.length = 0
    await waitFor('the other to know', async () => (await call(other, tenant.key)).status === 503, SOON_MS)
    statuses = [200, 200]
    const admin = await signIn(one)
    try {
      for (const id of tenant.accountIds) await admin.accounts.clearState.mutate({ id })
    } finally {
      await admin.$connection.close()
    }
    for (const instance of pair()) {
      await waitFor('the account to be back', async () => (await call(instance, tenant.key)).status === 200, SOON_MS)
    }
  })

  test('an account that needs an administrator is known to both at once', async () => {
    const tenant = await plant()
    const [one, other] = pair()
    statuses = [402, 402]
    await call(one, tenant.key)
    for (const upstream of upstreams) upstream.requests.length = 0
    await waitFor('the other to know', async () => (await call(other, tenant.key)).status === 503, SOON_MS)
    const { sql } = instances.database
    await expect
      .poll(() => sql`select distinct status from accounts where id = any(${tenant.accountIds})`, { timeout: 5_000 })
      .toEqual([{ status: 'error' }])
  })

  test('a key revoked through one is refused by both', async () => {
    const tenant = await plant()
    const { db } = instances.database
    await db.update(apiKeys).set({ status: 'disabled' }).where(eq(apiKeys.id, tenant.keyId))
    for (const instance of pair()) {
      await waitFor('the key to be refused', async () => (await call(instance, tenant.key)).status === 401, SOON_MS)
    }
  })

  test('while Redis is away, what one learns reaches the other through the database', async () => {
    const tenant = await plant()
    const [one, other] = pair()
    await redis.stop()
    try {
      statuses = [401, 401]
      await ask(one, 'json', { key: tenant.key })
      await waitFor('the other to know', async () => (await call(other, tenant.key)).status === 503, 4_000)
    } finally {
      await redis.start()
    }
  })
})
