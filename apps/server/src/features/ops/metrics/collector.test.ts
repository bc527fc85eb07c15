import { rollUp } from '@turnpike/db'
import { freshDatabase } from '@turnpike/db/testing'
import { makeOutcome } from '@turnpike/db/testing/outcome'
import { expect, test } from 'vitest'
import { makeLog } from '../../../shared/journal/__fixtures__/journal-world.ts'
import { createCollector } from './collector.ts'

const START = Math.floor((Date.now() - 3_600_000) / 10_000) * 10_000
const BOOT_ID = '00000000-0000-7000-8000-000000000001'

async function makeWorld() {
  const fresh = await freshDatabase()
  const log = makeLog()
  const world = { fresh, log, nowMs: START + 1_000 }
  const collector = createCollector({
    sql: fresh.sql,
    clock: { now: () => world.nowMs },
    life: { instanceId: 'i-1', bootId: BOOT_ID },
    version: '1',
    providerOf: () => 'openai',
    sample: () => Promise.reject(new Error('not asked for')),
    log,
  })
  return Object.assign(world, collector, {
    outcome: (endedAtMs: number) => collector.record(makeOutcome({ createdAtMs: endedAtMs - 813, endedAtMs })),
    async counted(): Promise<[number, number][]> {
      const rows = await fresh.sql<{ bucket: Date; requests: number }[]>`
        select bucket, requests::int from ops_buckets where dimension = 'tuple' order by bucket`
      return rows.map(({ bucket, requests }) => [bucket.getTime() - START, requests])
    },
    [Symbol.asyncDispose]: () => fresh[Symbol.asyncDispose](),
  })
}

test('what is over is written, what runs is not; what ends late is added', async () => {
  await using world = await makeWorld()
  world.outcome(START + 2_000)
  world.outcome(START + 12_000)
  world.nowMs = START + 12_000
  expect(await world.flush()).toBe(true)
  expect(await world.counted()).toEqual([[0, 1]])
  world.outcome(START + 9_999)
  world.nowMs = START + 22_000
  await world.flush()
  await world.flush()
  expect(await world.counted()).toEqual([
    [0, 2],
    [10_000, 1],
  ])
})

test('while the database is away buckets wait, and none counts twice afterwards', async () => {
  await using world = await makeWorld()
  world.outcome(START + 2_000)
  await world.fresh.sql`alter table ops_rollups_due rename to away`
  world.nowMs = START + 31_000
  expect(await world.flush()).toBe(false)
  world.outcome(START + 21_000)
  expect(world.stats().waitingBuckets).toBe(2)
  await world.fresh.sql`alter table away rename to ops_rollups_due`
  expect(await world.flush()).toBe(true)
  expect(await world.flush()).toBe(true)
  expect(await world.counted()).toEqual([
    [0, 1],
    [20_000, 1],
  ])
  expect(world.log.messages).toEqual(['metrics cannot be written; they wait', 'metrics are written again'])
})

test('a stop writes the bucket that runs, and says goodbye', async () => {
  await using world = await makeWorld()
  world.outcome(START + 500)
  await world.close()
  expect(await world.counted()).toEqual([[0, 1]])
  const [life] = await world.fresh.sql`select instance_id as id, stopped_at is not null as stopped from ops_instances`
  expect(life).toEqual({ id: 'i-1', stopped: true })
  expect(await rollUp(world.fresh.sql)).toBeGreaterThan(0)
})

test('an outcome of another time than these is counted now', async () => {
  await using world = await makeWorld()
  world.outcome(START - 3_600_000)
  world.outcome(START + 3_600_000)
  await world.close()
  expect(await world.counted()).toEqual([[0, 2]])
})
