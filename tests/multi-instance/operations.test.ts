import { expect, test } from 'vitest'
import { signIn } from '../support/admin.ts'
import { ask } from '../support/load.ts'
import { redisProgram, startRedisServer } from '../support/redis-server.ts'
import { waitFor } from '../support/wait-for.ts'
import { startCountingUpstream } from './counting-upstream.ts'
import { startInstances } from './instances.ts'

const PER_INSTANCE = 15
const KNOWN_MS = 5_000
const COUNTED_MS = 40_000

test.skipIf(redisProgram === null)(
  'one instance tells of all: live by the second, and counted',
  async () => {
    await using upstream = await startCountingUpstream({ holdMs: 5 })
    await using redis = await startRedisServer()
    await using instances = await startInstances({ count: 2, redisUrl: redis.url })
    const { key } = await instances.plant({ accounts: [{ baseUrl: upstream.baseUrl }] })
    const [one] = instances.all
    if (one === undefined) throw new Error('there are two')
    const owner = await signIn(one)
    const told = new Map<string, number>()
    const seconds = new Set<string>()
    const following = owner.ops.live.subscribe(undefined, {
      onData({ id, data }) {
        expect(seconds.has(id)).toBe(false)
        seconds.add(id)
        for (const { instanceId, qps } of data.instances) told.set(instanceId, (told.get(instanceId) ?? 0) + qps)
      },
    })
    await waitFor('both instances in the ticks', () => told.size === 2, COUNTED_MS)
    let sent = 0
    for (const instance of instances.all) {
      await waitFor(
        'the tenant to be known',
        async () => {
          sent += 1
          return (await ask(instance, 'json', { key })).status === 200
        },
        KNOWN_MS,
      )
      for (let at = 0; at < PER_INSTANCE; at++) {
        sent += 1
        expect((await ask(instance, 'json', { key })).status).toBe(200)
      }
    }
    // What an instance tells late is not in the live tick any more, but in the replay of it.
    const [first] = seconds
    if (first === undefined) throw new Error('there were ticks')
    await waitFor(
      'the ticks to hold them all',
      async () => (await countSince(owner, String(Number(first) - 1))) === sent,
      COUNTED_MS,
    )
    following.unsubscribe()
    await owner.$connection.close()
    const overview = await waitFor(
      'both instances to have counted',
      async () => {
        const found = await owner.ops.overview.query({ range: '5m' })
        const isWhole = found.requests.total === sent && found.resources.length === 2
        // A sample may be of a moment at which an instance connected anew.
        return isWhole && found.system.redis === 'ok' && found
      },
      COUNTED_MS,
    )
    expect(new Set(overview.resources.map(({ instanceId }) => instanceId))).toEqual(new Set(told.keys()))
    const scrapes = instances.all.map(async ({ origin }) => (await fetch(`${origin}/metrics`)).text())
    const counted = (await Promise.all(scrapes)).flatMap((text) =>
      [...text.matchAll(/^turnpike_requests_total\{.*\} (\d+)$/gm)].map(([, count]) => Number(count)),
    )
    expect(counted.reduce((a, b) => a + b, 0)).toBe(sent)
  },
  300_000,
)

test.skipIf(redisProgram === null)(
  'a request is ended from another instance: its caller is told, its slots are free, its row is there',
  async () => {
    await using upstream = await startCountingUpstream({ holdMs: null })
    await using redis = await startRedisServer()
    await using instances = await startInstances({ count: 2, redisUrl: redis.url })
    const { key } = await instances.plant({ accounts: [{ baseUrl: upstream.baseUrl }] })
    const [one, other] = instances.all
    if (one === undefined || other === undefined) throw new Error('there are two')
    const owner = await signIn(one)
    await waitFor('the tenant to be known', async () => (await models(other.origin, key)) === 200, KNOWN_MS)
    const asked = ask(other, 'json', { key })
    const lease = await waitFor(
      'the request to be seen from the other side',
      async () => {
        const { items, missingInstances } = await owner.ops.leases.list.query()
        return missingInstances.length === 0 && items.find(({ accountSlotMs }) => accountSlotMs !== null)
      },
      COUNTED_MS,
    )
    expect(lease).toMatchObject({ model: 'sandbox-small', stream: false, endpoint: '/v1/chat/completions' })
    // An instance that is busy tells of itself by the next question.
    await expect
      .poll(() => owner.ops.concurrency.query())
      .toMatchObject({ inFlight: 1, waiting: 0, users: [{ inUse: 1, waiting: 0 }], accounts: [{ inUse: 1 }] })
    await owner.ops.leases.release.mutate({ requestId: lease.requestId })
    expect(await asked).toMatchObject({ status: 503, code: 'overloaded', requestId: lease.requestId })
    // His slots go back behind his last byte.
    await expect.poll(async () => (await owner.ops.leases.list.query()).items).toEqual([])
    const rows = await waitFor(
      'its row',
      async () => {
        const { items } = await owner.usage.list.query({ requestId: lease.requestId })
        return items.length > 0 && items
      },
      COUNTED_MS,
    )
    expect(rows).toHaveLength(1)
    // Whether it runs nowhere is known when all instances have answered in time.
    const again = () => owner.ops.leases.release.mutate({ requestId: lease.requestId }).catch(({ data }) => data.reason)
    await expect.poll(again).toBe('not_found')
    await owner.$connection.close()
  },
  300_000,
)

/** The requests in the ticks after a second, up to now. */
function countSince(client: Awaited<ReturnType<typeof signIn>>, lastEventId: string): Promise<number> {
  const upTo = Math.floor(Date.now() / 1000) - 1
  return new Promise((resolve, reject) => {
    let count = 0
    const subscription = client.ops.live.subscribe(
      { lastEventId },
      {
        onData({ id, data: { instances } }) {
          for (const { qps } of instances) count += qps
          if (Number(id) < upTo) return
          subscription.unsubscribe()
          resolve(count)
        },
        onError: reject,
      },
    )
  })
}

async function models(origin: string, key: string): Promise<number> {
  const response = await fetch(`${origin}/v1/models`, { headers: { authorization: `Bearer ${key}` } })
  await response.text()
  return response.status
}
