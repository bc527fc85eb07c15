import type { HealthChange } from '@turnpike/core/gateway/account-state'
import type { AccountLive } from '@turnpike/core/gateway/ports'
import type { Sql } from 'postgres'
import type { Log } from '../../../shared/logger.ts'

export const RECORD_EVERY_MS = 1_000
/** Events kept while the database is away; beyond it the oldest are dropped and counted. */
export const MAX_PENDING_EVENTS = 10_000
const LAST_USED_EVERY_MS = 10_000

interface PendingEvent {
  accountId: number
  change: HealthChange
  atMs: number
}

interface AccountRecorderOptions {
  sql: Sql
  now: () => number
  log: Log
}

export type AccountRecorder = ReturnType<typeof createAccountRecorder>

/** Stores what was learnt of accounts, in batches, off the request path: states, their history, when they were last used. */
export function createAccountRecorder({ sql, now, log }: AccountRecorderOptions) {
  let events: PendingEvent[] = []
  const dirty = new Map<number, AccountLive>()
  const used = { accounts: new Map<number, number>(), keys: new Map<number, number>() }
  let usedWrittenAtMs = now()
  let droppedEvents = 0
  let writing: Promise<void> | null = null
  const timer = setInterval(() => void flush(), RECORD_EVERY_MS)

  function onChange(accountId: number, change: HealthChange | null, live: AccountLive): void {
    used.accounts.set(accountId, now())
    if (change === null) return
    dirty.set(accountId, live)
    events.push({ accountId, change, atMs: now() })
    if (events.length <= MAX_PENDING_EVENTS) return
    events.shift()
    droppedEvents++
  }

  function flush(): Promise<void> {
    writing ??= write()
      .catch((error: unknown) => log.warn({ err: error }, 'account states could not be stored; they will be'))
      .finally(() => {
        writing = null
      })
    return writing
  }

  async function write(): Promise<void> {
    if (dirty.size > 0) await writeStates()
    if (events.length > 0) await writeEvents()
    if (now() - usedWrittenAtMs < LAST_USED_EVERY_MS) return
    usedWrittenAtMs = now()
    await writeLastUsed('accounts', used.accounts)
    await writeLastUsed('api_keys', used.keys)
  }

  async function writeStates(): Promise<void> {
    const batch = [...dirty]
    for (const [id, live] of batch) {
      const { health } = live
      const cooling = Object.entries(health.models).map(([model, { untilMs, reason }]) => ({
        model,
        until: new Date(untilMs).toISOString(),
        reason,
      }))
      await sql`
        update accounts set health = ${sql.json(health)}, model_cooling = ${sql.json(cooling)},
          cooling_until = ${untilDate(health.coolingUntilMs)}, cooling_reason = ${health.coolingReason}
        where id = ${id}`
      if (dirty.get(id) === live) dirty.delete(id)
    }
  }

  async function writeEvents(): Promise<void> {
    const batch = events.slice(0, 500)
    const failed = batch.filter(({ change }) => change.status === 'error')
    await sql.begin(async (tx) => {
      for (const { accountId, change } of failed) {
        await tx`update accounts set status = 'error', status_reason = ${change.reason} where id = ${accountId} and status = 'active'`
      }
      const rows = batch.map(({ accountId, change, atMs }) => ({
        account_id: accountId,
        kind: change.kind,
        to_state: change.status,
        reason: change.reason,
        model: change.model,
        until: change.untilMs === null ? null : new Date(change.untilMs),
        at: new Date(atMs),
      }))
      await tx`insert into account_events ${tx(rows)}`
    })
    // Meanwhile some may have been forgotten, others added.
    const written = new Set(batch)
    events = events.filter((event) => !written.has(event))
  }

  async function writeLastUsed(table: 'accounts' | 'api_keys', seen: Map<number, number>): Promise<void> {
    if (seen.size === 0) return
    const rows = [...seen].map(([id, atMs]) => ({ id, at: new Date(atMs).toISOString() }))
    await sql`
      update ${sql(table)} as t set last_used_at = greatest(t.last_used_at, seen.at)
      from jsonb_to_recordset(${sql.json(rows)}) as seen (id bigint, at timestamptz) where t.id = seen.id`
    for (const { id } of rows) seen.delete(id)
  }

  return {
    onChange,
    keyUsed: (keyId: number): void => void used.keys.set(keyId, now()),
    /** An administrator cleared the account: nothing learnt before may be written over that. */
    forget(accountId: number): void {
      dirty.delete(accountId)
      events = events.filter((event) => event.accountId !== accountId)
    },
    hasUnstoredError: (accountId: number): boolean =>
      events.some((event) => event.accountId === accountId && event.change.status === 'error'),
    stats: () => ({ pendingEvents: events.length, droppedEvents }),
    flush,
    async close(): Promise<void> {
      clearInterval(timer)
      usedWrittenAtMs = 0
      await flush()
    },
  }
}

function untilDate(untilMs: number): Date | null {
  return untilMs > 0 ? new Date(untilMs) : null
}
