import { PgBoss } from 'pg-boss'
import type { Sql } from 'postgres'
import { within } from '../../../shared/deadline.ts'
import type { Log } from '../../../shared/logger.ts'
import { expectJobs, withHeartbeat } from './heartbeats.ts'

export interface Job {
  name: string
  /** Five fields, UTC. */
  cron: string
  /** How far apart two runs are, for seeing that one is missing. */
  everyMs: number
  /** Seconds after the minute at which a run begins. */
  afterSeconds?: number
  /** A run that takes longer is taken for dead, and begun again elsewhere. */
  expireInSeconds: number
  run(): Promise<unknown>
}

interface JobsOptions {
  sql: Sql
  databaseUrl: string
  applicationName: string
  jobs: readonly Job[]
  /** Hears of every run that failed. */
  onFault(job: string, error: unknown): void
  log: Log
}

const SCHEMA = 'pgboss'
const MAX_CONNECTIONS = 2
/** Runs that are under way get so long; pg-boss takes no less than a second. */
const FINISH_MS = 2_000
const STOP_MS = 4_000
const KEEP_DONE_SECONDS = 3_600
const POLL_SECONDS = 5
const RETRY_START_MS = 10_000

/**
 * Recurring work, each run by one of the instances: pg-boss keeps schedules, queues and retries, `ops_job_heartbeats` what
 * became of them. `start` never rejects: without a database it is tried again.
 */
export function createJobs({ sql, databaseUrl, applicationName, jobs, onFault, log }: JobsOptions) {
  let boss: PgBoss | null = null
  let isClosed = false
  let starting: Promise<void> = Promise.resolve()
  let retry: NodeJS.Timeout | null = null

  function start(): void {
    starting = open().catch((error: unknown) => {
      if (isClosed) return
      log.warn({ err: error }, 'jobs could not be started; they are tried again')
      retry = setTimeout(start, RETRY_START_MS)
      retry.unref()
    })
  }

  async function open(): Promise<void> {
    const opened = new PgBoss({
      connectionString: databaseUrl,
      application_name: applicationName,
      max: MAX_CONNECTIONS,
      schema: SCHEMA,
    })
    opened.on('error', (error) => log.warn({ err: error }, 'the job queue reports an error'))
    boss = opened
    try {
      await opened.start()
      if (isClosed) return
      await expectJobs(sql, jobs)
      for (const job of jobs) await schedule(opened, job)
    } catch (error) {
      boss = null
      await opened.stop({ graceful: false }).catch(() => {})
      throw error
    }
  }

  async function schedule(opened: PgBoss, { name, cron, everyMs, afterSeconds = 0, expireInSeconds, run }: Job) {
    if (isClosed) return
    await opened.createQueue(name, {
      // At most one waits and one runs, over all instances.
      policy: 'stately',
      expireInSeconds,
      retryLimit: 0,
      deleteAfterSeconds: KEEP_DONE_SECONDS,
      retentionSeconds: KEEP_DONE_SECONDS,
    })
    await opened.schedule(name, cron, null, { tz: 'UTC', missed: 'once', startAfter: afterSeconds })
    await opened.work(name, { pollingIntervalSeconds: POLL_SECONDS }, async () => {
      try {
        await withHeartbeat(sql, name, everyMs, run)
      } catch (error) {
        log.error({ err: error, job: name }, 'a job failed')
        onFault(name, error)
        throw error
      }
    })
  }

  async function stop(): Promise<void> {
    await starting
    await boss?.stop({ graceful: true, timeout: FINISH_MS })
  }

  return {
    start,
    /** Waits for runs that are under way, for a while. */
    async close(): Promise<void> {
      isClosed = true
      if (retry !== null) clearTimeout(retry)
      await within(STOP_MS, stop()).catch((error: unknown) =>
        log.warn({ err: error }, 'the job queue did not stop in time; its runs are taken up again'),
      )
    },
  }
}
