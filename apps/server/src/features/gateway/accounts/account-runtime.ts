import type { Sql } from 'postgres'
import type { LiveAccounts } from './account-book.ts'
import type { AccountRecorder } from './account-recorder.ts'

/** What the administration sees of the accounts' life, and the one thing it may change there. */
export function createAccountRuntime({
  accounts,
  recorder,
  sql,
  onCleared,
}: {
  accounts: LiveAccounts
  recorder: AccountRecorder
  sql: Sql
  /** Tells the other instances. */
  onCleared(accountId: number): void
}) {
  return {
    view(accountId: number) {
      const live = accounts.live(accountId)
      return {
        inFlight: live?.inFlight ?? 0,
        waiting: live?.waiting ?? 0,
        coolingUntilMs: live ? Math.max(live.health.coolingUntilMs, live.health.breaker.openUntilMs) || null : null,
        coolingReason: live ? coolingReason(live.health) : null,
        modelCooling: Object.entries(live?.health.models ?? {}).map(([model, { untilMs, reason }]) => ({
          model,
          untilMs,
          reason,
        })),
        lastUsedAtMs: accounts.lastUsedAtMs(accountId),
      }
    },
    /** Forgets cooling, breaker and back-off, here and in the database. */
    async clear(accountId: number): Promise<void> {
      recorder.forget(accountId)
      accounts.clear(accountId)
      await sql`
        update accounts set health = '{}', model_cooling = '[]', cooling_until = null, cooling_reason = null
        where id = ${accountId}`
      onCleared(accountId)
    },
  }
}

function coolingReason({
  coolingUntilMs,
  coolingReason: reason,
  breaker,
}: {
  coolingUntilMs: number
  coolingReason: string | null
  breaker: { openUntilMs: number }
}): string | null {
  return breaker.openUntilMs > coolingUntilMs ? 'upstream_broken' : reason
}
