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
    await waitFor(
      'the ticks to hold them all',
      () => [...told.values()].reduce((a, b) => a + b, 0) === sent,
      COUNTED_MS,
    )
    following.unsubscribe()
    await owner.$connection.close()
    const overview = await waitFor(
      'both instances to have counted',
      async () => {
        const found = await owner.ops.overview.query({ range: '5m' })
        return found.requests.total === sent && found.resources.length === 2 && found
      },
      COUNTED_MS,
    )
    expect(new Set(overview.resources.map(({ instanceId }) => instanceId))).toEqual(new Set(told.keys()))
    expect(overview.system.redis).toBe('ok')
    const scrapes = instances.all.map(async ({ origin }) => (await fetch(`${origin}/metrics`)).text())
    const counted = (await Promise.all(scrapes)).flatMap((text) =>
      [...text.matchAll(/^turnpike_requests_total\{.*\} (\d+)$/gm)].map(([, count]) => Number(count)),
    )
    expect(counted.reduce((a, b) => a + b, 0)).toBe(sent)
  },
  120_000,
)
