import type { Sql } from 'postgres'

/** A job's own account of itself, whichever instance ran it last. */
export interface JobHeartbeat {
  job: string
  lastStartedAt: Date | null
  lastSucceededAt: Date | null
  lastFailedAt: Date | null
  lastError: string | null
  lastDurationMs: number | null
  nextDueAt: Date | null
  isOverdue: boolean
}

/** How long after its time a job may begin: it waits for a worker, and for one that runs. */
export const OVERDUE_AFTER_SECONDS = 120
const MAX_ERROR_CHARS = 500

/** Runs a job's work and notes begin, end and when it is due next, in ms from now. Throws what the work throws. */
export async function withHeartbeat(
  sql: Sql,
  job: string,
  nextInMs: number,
  work: () => Promise<unknown>,
): Promise<void> {
  const startedAt = performance.now()
  await sql`insert into ops_job_heartbeats (job, last_started_at, next_due_at) values (${job}, now(), ${later(nextInMs)})
    on conflict (job) do update set last_started_at = now(), next_due_at = excluded.next_due_at`
  try {
    await work()
    await sql`update ops_job_heartbeats set last_succeeded_at = now(), last_error = null,
      last_duration_ms = ${Math.round(performance.now() - startedAt)} where job = ${job}`
  } catch (error) {
    const message = (error instanceof Error ? error.message : String(error)).slice(0, MAX_ERROR_CHARS)
    await sql`update ops_job_heartbeats set last_failed_at = now(), last_error = ${message},
      last_duration_ms = ${Math.round(performance.now() - startedAt)} where job = ${job}`
    throw error
  }

  function later(ms: number) {
    return sql`now() + make_interval(secs => ${ms / 1000})`
  }
}

/** Notes when jobs are first due, so that one that never runs is seen to be overdue. */
export async function expectJobs(sql: Sql, jobs: readonly { name: string; everyMs: number }[]): Promise<void> {
  for (const { name, everyMs } of jobs) {
    await sql`insert into ops_job_heartbeats (job, next_due_at)
      values (${name}, now() + make_interval(secs => ${everyMs / 1000})) on conflict (job) do nothing`
  }
  await sql`delete from ops_job_heartbeats where job <> all(${jobs.map(({ name }) => name)})`
}

export async function jobHeartbeats(sql: Sql): Promise<JobHeartbeat[]> {
  return sql<JobHeartbeat[]>`
    select job, last_started_at as "lastStartedAt", last_succeeded_at as "lastSucceededAt",
      last_failed_at as "lastFailedAt", last_error as "lastError", last_duration_ms as "lastDurationMs",
      next_due_at as "nextDueAt", coalesce(next_due_at < now() - make_interval(secs => ${OVERDUE_AFTER_SECONDS}), false) as "isOverdue"
    from ops_job_heartbeats order by job`
}
