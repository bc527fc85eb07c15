import { setTimeout as sleep } from 'node:timers/promises'
import type { Sql } from 'postgres'
import { connect } from './client.ts'

interface InstanceLockOptions {
  url: string
  /** Names this instance, so that it knows a session of its own that the server still believes in. At most 40 characters. */
  bootId: string
  /** True = beside others that share what limits they keep (through Redis); false = alone. */
  isShared: boolean
  /** How long to wait at first for an instance that is about to end. */
  waitMs?: number
  lookEveryMs?: number
  /** Another instance took the place while the connection was lost / it is ours again. */
  onTaken?(): void
  onRegained?(): void
}

/** The right to serve on a database: of one instance alone, or of any number that share. */
export interface InstanceLock {
  /** True while another instance has the place that this one lost with its connection. */
  isTaken(): boolean
  /** Instances that serve on the database as of the last look, this one included. */
  count(): number
  /** Lets the next one in; never rejects. */
  release(): Promise<void>
}

/** Somebody else serves on this database, and the two would not know of each other. */
export class InstanceLockError extends Error {
  override readonly name = 'InstanceLockError'
  /** Whether those who hold the place share it among themselves. */
  readonly isHeldShared: boolean
  constructor(isHeldShared: boolean) {
    super('Another instance of Turnpike serves on this database')
    this.isHeldShared = isHeldShared
  }
}

const WAIT_MS = 30_000
const TRY_EVERY_MS = 200
const LOOK_EVERY_MS = 1_000
const STATEMENT_MS = 5_000
/** Of this database alone: advisory locks are. */
const LOCK = { class: 8787, id: 1 }

/**
 * Takes the place as an advisory lock on a connection of its own, and takes it again should that connection be lost. While
 * the database is away nobody can take it, so it counts as held. Throws InstanceLockError after `waitMs`.
 *
 * The URL must lead to the server itself: behind a pooler in transaction mode the lock holds nothing.
 */
export async function openInstanceLock(options: InstanceLockOptions): Promise<InstanceLock> {
  const { url, bootId, isShared, waitMs = WAIT_MS, lookEveryMs = LOOK_EVERY_MS } = options
  const applicationName = `turnpike instance ${bootId}`
  const sql = connect({ url, max: 1, applicationName, statementTimeoutMs: STATEMENT_MS, isLasting: true })
  let heldBy: number | null = null
  let isTaken = false
  let count = 1
  let looking: Promise<void> | null = null

  async function take(): Promise<boolean> {
    await endStaleSessions(sql, applicationName)
    const pid = await tryLock(sql, isShared)
    if (pid !== null) heldBy = pid
    return pid !== null
  }

  async function look(): Promise<void> {
    const [session] = await sql<{ pid: number; instances: number }[]>`
      select pg_backend_pid() as pid, (select count(*)::int from (${holders(sql)}) as holders) as instances`
    if (session?.pid === heldBy) {
      count = Math.max(1, session.instances)
      return
    }
    const wasTaken = isTaken
    isTaken = !(await take())
    if (isTaken && !wasTaken) options.onTaken?.()
    if (!isTaken && wasTaken) options.onRegained?.()
  }

  try {
    const giveUpAt = performance.now() + waitMs
    while (!(await take())) {
      if (performance.now() > giveUpAt) throw new InstanceLockError(await isHeldShared(sql))
      await sleep(TRY_EVERY_MS)
    }
    await look()
  } catch (error) {
    await sql.end({ timeout: 1 })
    throw error
  }
  const timer = setInterval(() => {
    // A database that is away lets nobody else in either.
    looking ??= look()
      .catch(() => {})
      .finally(() => {
        looking = null
      })
  }, lookEveryMs)

  return {
    isTaken: () => isTaken,
    count: () => count,
    async release() {
      clearInterval(timer)
      // Ending the session frees the lock.
      await sql.end({ timeout: 1 }).catch(() => {})
      await looking
    },
  }
}

/** The session that has the lock now, or null when somebody else's has it. */
async function tryLock(sql: Sql, isShared: boolean): Promise<number | null> {
  const lock = isShared ? sql`pg_try_advisory_lock_shared` : sql`pg_try_advisory_lock`
  const [row] = await sql<{ pid: number; isLocked: boolean }[]>`
    select pg_backend_pid() as pid, ${lock}(${LOCK.class}::int, ${LOCK.id}::int) as "isLocked"`
  return row?.isLocked ? row.pid : null
}

/** A connection that broke halfway leaves a session behind which the server keeps for hours, and with it our own lock. */
async function endStaleSessions(sql: Sql, applicationName: string): Promise<void> {
  await sql`
    select pg_terminate_backend(holders.pid) from (${holders(sql)}) as holders join pg_stat_activity as sessions using (pid)
    where sessions.application_name = ${applicationName} and holders.pid <> pg_backend_pid()`
}

async function isHeldShared(sql: Sql): Promise<boolean> {
  const rows = await sql<{ mode: string }[]>`${holders(sql)}`
  return rows.some(({ mode }) => mode === 'ShareLock')
}

function holders(sql: Sql) {
  return sql`
    select pid, mode from pg_locks
    where locktype = 'advisory' and granted and classid = ${LOCK.class}::int and objid = ${LOCK.id}::int and objsubid = 2
      and database = (select oid from pg_database where datname = current_database())`
}
