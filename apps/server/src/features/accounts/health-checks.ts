import type { Sql } from 'postgres'
import { every } from '../../shared/every.ts'
import type { Log } from '../../shared/logger.ts'
import { warnOnceInARow } from '../../shared/once-in-a-row.ts'
import type { WallClock } from '../../shared/wall-clock.ts'
import type { ProbeResult } from './probe.ts'

const LOOK_EVERY_MS = 10_000
/** Checks at once: each is two requests to an upstream and takes up to half a minute. */
const MAX_AT_ONCE = 5
const CHECKING = {
  failing: 'accounts cannot be checked; it is made up for',
  again: 'accounts are checked again',
}

interface HealthChecksOptions {
  sql: Sql
  clock: WallClock
  /** The upstream's model list, then one token. */
  test(accountId: number): Promise<ProbeResult>
  /** Forgets what the gateway learnt of the account. */
  clear(accountId: number): Promise<void>
  log: Log
}

interface DueAccount {
  id: number
  status: 'active' | 'error'
  recovers: boolean
}

/**
 * Scheduled checks of accounts that ask for them, each by whichever instance claims it first. The result is an event of the
 * account; one that passes lifts an `error` where the account allows it (spec: accounts-and-billing, "Account states").
 */
export function createHealthChecks({ sql, clock, test, clear, log }: HealthChecksOptions) {
  const loop = every(LOOK_EVERY_MS, warnOnceInARow(runDue, CHECKING, log), log)

  async function runDue(): Promise<void> {
    const due = await claim()
    await Promise.all(due.map(check))
  }

  /** Claiming is writing down when it was checked: another instance finds it not due any more. */
  function claim(): Promise<DueAccount[]> {
    const at = new Date(clock.now())
    return sql<DueAccount[]>`
      update accounts set health_checked_at = ${at} where id in (
        select id from accounts
        where health_check_minutes is not null and status in ('active', 'error')
          and (health_checked_at is null or health_checked_at <= ${at}::timestamptz - make_interval(mins => health_check_minutes))
        order by health_checked_at nulls first, id limit ${MAX_AT_ONCE} for update skip locked
      ) returning id::float8 as id, status, health_check_recovers as recovers`
  }

  async function check({ id, status, recovers }: DueAccount): Promise<void> {
    const { ok, reason } = await test(id)
    const isLifted = ok && status === 'error' && recovers && (await lift(id))
    if (isLifted) await clear(id)
    await sql`
      insert into account_events (account_id, kind, from_state, to_state, reason, at)
      values (${id}, 'health_check', ${status}, ${isLifted ? 'active' : status}, ${ok ? 'passed' : reason}, ${new Date(clock.now())})`
  }

  /** False where somebody else changed the account's status meanwhile. */
  async function lift(id: number): Promise<boolean> {
    const rows = await sql`
      update accounts set status = 'active', status_reason = null where id = ${id} and status = 'error' returning id`
    return rows.length === 1
  }

  return { runDue, close: () => loop.stop() }
}
