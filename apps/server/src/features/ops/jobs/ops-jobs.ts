import { ensurePartitions, recoverLives, rollUp, rollUpUsage } from '@turnpike/db'
import type { Sql } from 'postgres'
import type { WallClock } from '../../../shared/wall-clock.ts'
import { cleanUp } from '../retention/clean-up.ts'
import type { Job } from './jobs.ts'

const MINUTE_MS = 60_000
const HOUR_MS = 3_600_000
const DAY_MS = 86_400_000
/** Instances have written a minute by then. */
const ROLL_UP_AFTER_SECONDS = 16

/** The recurring work of operations, as ops.md has it. `sql` may take its time. */
export function opsJobs({ sql, clock }: { sql: Sql; clock: WallClock }): Job[] {
  return [
    {
      name: 'ops.roll-up',
      cron: '* * * * *',
      everyMs: MINUTE_MS,
      afterSeconds: ROLL_UP_AFTER_SECONDS,
      expireInSeconds: 600,
      async run() {
        await recoverLives(sql)
        await rollUp(sql)
        await rollUpUsage(sql, new Date(clock.now()))
      },
    },
    {
      name: 'ops.partitions',
      cron: '7 * * * *',
      everyMs: HOUR_MS,
      expireInSeconds: 120,
      run: () => ensurePartitions(sql, new Date(clock.now())),
    },
    {
      name: 'ops.clean-up',
      cron: '23 3 * * *',
      everyMs: DAY_MS,
      expireInSeconds: 3_600,
      run: () => cleanUp(sql, new Date(clock.now())),
    },
  ]
}
