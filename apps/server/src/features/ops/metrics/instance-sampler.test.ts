import { tmpdir } from 'node:os'
import { createDb } from '@turnpike/db'
import { freshDatabase } from '@turnpike/db/testing'
import { expect, test } from 'vitest'
import { openInstanceSampler, type ServerGauges } from './instance-sampler.ts'

const GAUGES: ServerGauges = {
  openSockets: 1,
  openStreams: 2,
  inFlight: 3,
  waiters: 4,
  accountsAvailable: 5,
  accountsTotal: 6,
  accountsByGroup: { 3: [5, 6] },
  journalBacklogBytes: 7,
  errorsDropped: 8,
  redisConn: null,
  isDatabaseAway: false,
}

test('measures the process, the machine and its own connections', async () => {
  await using fresh = await freshDatabase()
  const own = createDb({ url: fresh.url, max: 1, applicationName: 'turnpike gateway i-1' })
  const sampler = openInstanceSampler({
    sql: own.sql,
    applicationName: 'i-1',
    dataDir: tmpdir(),
    gauges: async () => GAUGES,
  })
  try {
    await sampler.sample()
    const busyUntil = performance.now() + 60
    while (performance.now() < busyUntil);
    const sample = await sampler.sample()
    expect(sample).toMatchObject(GAUGES)
    for (const percent of [sample.cpuUsagePercent, sample.memoryUsagePercent]) {
      expect(percent).toBeGreaterThan(0)
      expect(percent).toBeLessThanOrEqual(100)
    }
    expect(sample.memoryUsedMb).toBeLessThan(sample.memoryTotalMb ?? 0)
    expect(sample.diskUsed).toBeLessThan(sample.diskTotal ?? 0)
    expect(sample.heapAllocMb).toBeGreaterThan(1)
    expect((sample.dbConnActive ?? 0) + (sample.dbConnIdle ?? 0)).toBe(0)
  } finally {
    sampler.close()
    await own.close(1_000)
  }
})

test('what cannot be known is null', async () => {
  await using fresh = await freshDatabase()
  const sampler = openInstanceSampler({
    sql: fresh.sql,
    applicationName: 'i',
    dataDir: '/does/not/exist',
    gauges: async () => GAUGES,
  })
  try {
    expect(await sampler.sample()).toMatchObject({ diskUsed: null, diskTotal: null, networkInBytes: null })
  } finally {
    sampler.close()
  }
})
