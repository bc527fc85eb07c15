import { freshDatabase } from '@turnpike/db/testing'
import { expect, test } from 'vitest'
import { waitFor } from '../../../../../../tests/support/wait-for.ts'
import { makeLog } from '../../../shared/journal/__fixtures__/journal-world.ts'
import { expectJobs, jobHeartbeats, withHeartbeat } from './heartbeats.ts'
import { createJobs } from './jobs.ts'

test('a heartbeat tells of success, failure and the next time', async () => {
  await using fresh = await freshDatabase()
  await expectJobs(fresh.sql, [{ name: 'tidy', everyMs: 60_000 }])
  expect(await jobHeartbeats(fresh.sql)).toEqual([
    expect.objectContaining({ job: 'tidy', lastStartedAt: null, isOverdue: false }),
  ])
  await withHeartbeat(fresh.sql, 'tidy', 60_000, async () => {})
  expect(await jobHeartbeats(fresh.sql)).toEqual([
    expect.objectContaining({ lastSucceededAt: expect.any(Date), lastError: null, lastDurationMs: expect.any(Number) }),
  ])
  await expect(withHeartbeat(fresh.sql, 'tidy', 60_000, () => Promise.reject(new Error('no room')))).rejects.toThrow(
    'no room',
  )
  expect(await jobHeartbeats(fresh.sql)).toEqual([expect.objectContaining({ lastError: 'no room', isOverdue: false })])
  await fresh.sql`update ops_job_heartbeats set next_due_at = now() - interval '3 minutes'`
  expect(await jobHeartbeats(fresh.sql)).toEqual([expect.objectContaining({ isOverdue: true })])
})

test('a job that is due is run by one of two instances', async () => {
  await using fresh = await freshDatabase({ max: 8 })
  let runs = 0
  // By its own cron it is not due, whatever minute begins meanwhile.
  const job = { name: 'count', cron: '0 0 29 2 *', everyMs: 60_000, expireInSeconds: 30, run: async () => void runs++ }
  const instances = ['a', 'b'].map((applicationName) =>
    createJobs({ sql: fresh.sql, databaseUrl: fresh.url, applicationName, jobs: [job], onFault() {}, log: makeLog() }),
  )
  for (const instance of instances) instance.start()
  try {
    await waitFor(
      'the queue',
      async () => {
        const [row] = await fresh.sql`select to_regclass('pgboss.schedule') is not null as ready`
        return row?.ready === true && (await fresh.sql`select from pgboss.schedule`).length === 1
      },
      20_000,
    )
    await fresh.sql`insert into pgboss.job (name, policy, start_after) values ('count', 'stately', now())`
    await waitFor('the run', async () => (await jobHeartbeats(fresh.sql))[0]?.lastSucceededAt != null, 20_000)
    expect(runs).toBe(1)
  } finally {
    await Promise.all(instances.map((instance) => instance.close()))
  }
}, 180_000)
