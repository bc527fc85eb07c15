import type { Sql } from 'postgres'
import { expect, test } from 'vitest'
import { startGatedUpstream } from '../support/gated-upstream.ts'
import { ask } from '../support/load.ts'
import { chatAnswer, sendJson, startRawUpstream } from '../support/raw-upstream.ts'
import { freePort, redisProgram, startRedisServer } from '../support/redis-server.ts'
import { exitWithin, readiness } from '../support/start-turnpike.ts'
import { waitFor } from '../support/wait-for.ts'
import { startInstances } from './instances.ts'

/** contract.md: the second one waits up to 30 s; then a moment to say why and go. */
const REFUSED_MS = 120_000
const AT_ONCE_MS = 3_000

test('a second instance without Redis waits for half a minute, then says what to do and leaves the first one alone', async () => {
  await using instances = await startInstances({ count: 1 })
  const startedAt = performance.now()
  await using second = await instances.spawn()
  const { code } = await exitWithin(second, REFUSED_MS)
  expect(performance.now() - startedAt).toBeGreaterThan(25_000)
  expect(code).toBe(1)
  expect(second.output()).toContain('set REDIS_URL to the same Redis')
  const [first] = instances.all
  expect(first && (await readiness(first)).status).toBe(200)
}, 240_000)

test('a Redis that is not there is named at the start, not at the first request', async () => {
  await using instances = await startInstances({ count: 1 })
  const closed = await instances.spawn({ REDIS_URL: `redis://127.0.0.1:${await freePort()}` })
  expect((await exitWithin(closed, REFUSED_MS)).code).toBe(1)
  expect(closed.output()).toContain('Check REDIS_URL and that Redis runs')
}, 180_000)

test.skipIf(redisProgram === null)(
  'instances with and without Redis do not mix: whoever comes second is told what to do',
  async () => {
    await using redis = await startRedisServer()
    await using sharing = await startInstances({ count: 1, redisUrl: redis.url })
    await using alone = await startInstances({ count: 1 })
    const [lone, sharer] = await Promise.all([sharing.spawn({ REDIS_URL: '' }), alone.spawn({ REDIS_URL: redis.url })])
    expect(await Promise.all([exitWithin(lone, REFUSED_MS), exitWithin(sharer, REFUSED_MS)])).toMatchObject([
      { code: 1 },
      { code: 1 },
    ])
    expect(lone.output()).toContain('Set REDIS_URL here to the same Redis')
    expect(sharer.output()).toContain('set REDIS_URL to the same Redis for each of them')
  },
  240_000,
)

test('the next instance takes over as soon as the one before admits nobody, while that one finishes what runs', async () => {
  await using upstream = await startGatedUpstream()
  await using instances = await startInstances({ count: 1 })
  const tenant = await instances.plant({ accounts: [{ baseUrl: upstream.baseUrl }] })
  const [first] = instances.all
  if (first === undefined) throw new Error('there is one')
  const running = ask(first, 'json', { key: tenant.key })
  await waitFor('the request to be under way', () => upstream.inFlight() === 1, 10_000)
  const starting = instances.start()
  await waitFor('the second to be there', async () => (await sessions(instances)).length > 1, 20_000)
  first.signal('SIGTERM')
  const second = await starting
  expect(upstream.inFlight()).toBe(1)
  upstream.open()
  expect(await running).toMatchObject({ status: 200, isWhole: true })
  expect(await ask(second, 'json', { key: tenant.key })).toMatchObject({ status: 200, isWhole: true })
  expect(await first.exited).toEqual({ code: 0, signal: null })
}, 240_000)

test('an instance whose lock went with its connection has it again, and serves all the time', async () => {
  await using upstream = await startRawUpstream((response) => sendJson(response, chatAnswer()))
  await using instances = await startInstances({ count: 1 })
  const tenant = await instances.plant({ accounts: [{ baseUrl: upstream.baseUrl }] })
  const [first] = instances.all
  if (first === undefined) throw new Error('there is one')
  const { sql } = instances.database
  const ended = await sql<{ pid: number }[]>`select pid, pg_terminate_backend(pid) from pg_stat_activity
    where datname = current_database() and application_name like 'turnpike instance %'`
  const hasAnother = async () => {
    const pids = await sessions(instances)
    return pids.length === 1 && pids[0] !== ended[0]?.pid
  }
  await waitFor('the lock to be taken again', hasAnother, AT_ONCE_MS)
  expect(await ask(first, 'json', { key: tenant.key })).toMatchObject({ status: 200 })
}, 180_000)

/** Backends of the instances that hold the lock or wait for it. */
async function sessions({ database: { sql } }: { database: { sql: Sql } }): Promise<number[]> {
  const rows = await sql<{ pid: number }[]>`
    select pid from pg_stat_activity
    where datname = current_database() and application_name like 'turnpike instance %'`
  return rows.map(({ pid }) => pid)
}
