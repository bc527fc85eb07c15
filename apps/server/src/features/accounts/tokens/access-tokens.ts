import type { Sql, TransactionSql } from 'postgres'
import { within } from '../../../shared/deadline.ts'
import { every } from '../../../shared/every.ts'
import type { Log } from '../../../shared/logger.ts'
import type { SecretBox } from '../../../shared/secret-box.ts'
import type { WallClock } from '../../../shared/wall-clock.ts'
import { type TokenAnswer, TokenError, type TokenRequest } from './token-endpoint.ts'
import { createTokenStore, type StoredGrant } from './token-store.ts'

export interface AccessToken {
  value: string
  expiresAtMs: number
  /** Counted up by every refresh, over all instances. */
  generation: number
}

/** An `oauth2` account as the configuration has it. */
export interface ConfiguredGrant {
  id: number
  /** Whether requests may need its token: only then is it renewed ahead of expiry. */
  isInUse: boolean
  generation: number
  /** Null where no token was fetched yet. */
  value: string | null
  expiresAtMs: number
}

interface Held {
  token: AccessToken | null
  isInUse: boolean
  /** From here on it is renewed in the background. */
  renewAtMs: number
  /** From here on it does not go upstream any more. */
  deadAtMs: number
  failures: number
}

/** One look at all accounts in memory. */
const LOOK_EVERY_MS = 1_000
const MAX_AHEAD_MS = 5 * 60_000
const MAX_MARGIN_MS = 10_000
const RETRY_FIRST_MS = 5_000
const RETRY_MAX_MS = 5 * 60_000
/** Background refreshes at once: each holds a connection to the database while it waits for its endpoint. */
const MAX_RENEWING = 4
/** For a request without any valid token. */
const WAIT_MS = 12_000

interface AccessTokensOptions {
  sql: Sql
  box: SecretBox
  askForToken(request: TokenRequest): Promise<TokenAnswer>
  clock: WallClock
  log: Log
}

/**
 * Access tokens of `oauth2` accounts, in memory and renewed ahead of their expiry: one refresh at a time over all instances,
 * whose token the others read (spec: accounts-and-billing). A rotated refresh token is stored before anything is used.
 */
export function createAccessTokens({ sql, box, askForToken, clock, log }: AccessTokensOptions) {
  const store = createTokenStore({ sql, box })
  const held = new Map<number, Held>()
  const running = new Map<number, Promise<AccessToken>>()
  const loop = every(LOOK_EVERY_MS, renewDue, log)

  /** The configuration was read: what other instances fetched is known from now on. */
  function learn(grants: readonly ConfiguredGrant[]): void {
    const ids = new Set(grants.map(({ id }) => id))
    for (const id of held.keys()) if (!ids.has(id)) held.delete(id)
    for (const { id, isInUse, generation, value, expiresAtMs } of grants) {
      const known = held.get(id)
      if (known !== undefined && (known.token?.generation ?? -1) >= generation) known.isInUse = isInUse
      else held.set(id, hold(value === null ? null : { value, expiresAtMs, generation }, isInUse))
    }
  }

  function hold(token: AccessToken | null, isInUse: boolean): Held {
    const lifetimeMs = token === null ? 0 : Math.max(0, token.expiresAtMs - clock.now())
    return {
      token,
      isInUse,
      renewAtMs: token === null ? 0 : token.expiresAtMs - Math.min(MAX_AHEAD_MS, lifetimeMs / 5),
      deadAtMs: token === null ? 0 : token.expiresAtMs - Math.min(MAX_MARGIN_MS, lifetimeMs / 10),
      failures: 0,
    }
  }

  function current(accountId: number): AccessToken | null {
    const known = held.get(accountId)
    return known !== undefined && known.deadAtMs > clock.now() ? known.token : null
  }

  function fresh(accountId: number, olderThan: number): Promise<AccessToken> {
    const known = current(accountId)
    if (known !== null && known.generation > olderThan) return Promise.resolve(known)
    return within(WAIT_MS, renew(accountId, olderThan))
  }

  function renew(accountId: number, olderThan: number): Promise<AccessToken> {
    const under = running.get(accountId)
    if (under !== undefined) return under
    const started = store
      .alone(accountId, (tx) => renewAlone(tx, accountId, olderThan))
      .then((outcome) => {
        if (outcome instanceof TokenError) throw outcome
        held.set(accountId, hold(outcome, held.get(accountId)?.isInUse ?? false))
        return outcome
      })
      .finally(() => running.delete(accountId))
    running.set(accountId, started)
    return started
  }

  /** A refusal is returned, not thrown, so that what was written of it stays. */
  async function renewAlone(
    tx: TransactionSql,
    accountId: number,
    olderThan: number,
  ): Promise<AccessToken | TokenError> {
    const grant = await store.read(tx, accountId)
    if (grant === null) return new TokenError('refused', 'no_grant')
    const stored = validToken(grant)
    // Somebody else was faster.
    if (stored !== null && stored.generation > olderThan) return stored
    try {
      const answer = await askForToken(grant.request)
      const expiresAtMs = clock.now() + answer.lifetimeMs
      const isOurs = await store.write(tx, { accountId, generation: grant.generation, answer, expiresAtMs })
      if (isOurs) return { value: answer.accessToken, expiresAtMs, generation: grant.generation + 1 }
      return (await readAgain(tx, accountId, grant)) ?? new TokenError('unavailable', 'replaced')
    } catch (error) {
      if (!(error instanceof TokenError) || error.reason !== 'invalid_grant') throw error
      return refusedGrant(tx, accountId, grant, error)
    }
  }

  /** The refresh token may have been used up by somebody who stored its successor meanwhile. */
  async function refusedGrant(tx: TransactionSql, accountId: number, grant: StoredGrant, error: TokenError) {
    const again = await store.read(tx, accountId)
    if (again !== null && again.generation !== grant.generation) {
      return validToken(again) ?? new TokenError('unavailable', 'replaced')
    }
    await store.fail(tx, { accountId, reason: 'oauth_invalid_grant', atMs: clock.now() })
    return error
  }

  async function readAgain(tx: TransactionSql, accountId: number, { generation }: StoredGrant) {
    const grant = await store.read(tx, accountId)
    return grant === null || grant.generation === generation ? null : validToken(grant)
  }

  function validToken({ access, generation }: StoredGrant): AccessToken | null {
    return access !== null && access.expiresAtMs > clock.now() ? { ...access, generation } : null
  }

  async function renewDue(): Promise<void> {
    const nowMs = clock.now()
    const due = [...held].filter(([id, { isInUse, renewAtMs }]) => isInUse && renewAtMs <= nowMs && !running.has(id))
    await Promise.all(due.slice(0, MAX_RENEWING).map(([id, known]) => renewQuietly(id, known)))
  }

  async function renewQuietly(accountId: number, known: Held): Promise<void> {
    try {
      await renew(accountId, known.token?.generation ?? -1)
    } catch (error) {
      const retryMs = Math.min(RETRY_MAX_MS, RETRY_FIRST_MS * 2 ** known.failures)
      known.failures++
      known.renewAtMs = clock.now() + retryMs
      const reason = error instanceof TokenError ? error.reason : 'failed'
      log.warn({ accountId, reason, retryMs }, 'an account could not be given a new access token')
    }
  }

  return {
    learn,
    current,
    fresh,
    isRefused: (error: unknown): boolean => error instanceof TokenError && error.kind === 'refused',
    /** Renews what is due now. */
    renewDue,
    async close(): Promise<void> {
      await loop.stop()
      await Promise.allSettled(running.values())
    },
  }
}
