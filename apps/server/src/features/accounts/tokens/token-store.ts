import type { OAuthGrant } from '@turnpike/core/words'
import type { Sql, TransactionSql } from 'postgres'
import { openAccountSecret, openAccountText, sealAccountText } from '../../../shared/account-secrets.ts'
import type { SecretBox } from '../../../shared/secret-box.ts'
import type { TokenAnswer, TokenRequest } from './token-endpoint.ts'

/** First half of the advisory locks that let one instance at a time refresh an account's token; the account is the other. */
const REFRESH_LOCK = 7_464_002
const LOCK_WAIT_MS = 12_000

/** What is stored of an account's tokens. */
export interface StoredGrant {
  generation: number
  /** Null where none was ever fetched. */
  access: { value: string; expiresAtMs: number } | null
  request: TokenRequest
}

interface GrantRow {
  oauthGrant: OAuthGrant | null
  oauthTokenUrl: string | null
  oauthClientId: string | null
  oauthScope: string | null
  oauthRefreshSealed: string | null
  oauthAccessSealed: string | null
  oauthAccessExpiresAt: Date | null
  oauthGeneration: number
  secretSealed: string
  proxySealed: string | null
}

/** Tokens in the database, sealed; one instance at a time may replace those of an account. */
export function createTokenStore({ sql, box }: { sql: Sql; box: SecretBox }) {
  /** Runs `work` while no other instance does for the same account. */
  function alone<T>(accountId: number, work: (tx: TransactionSql) => Promise<T>): Promise<T> {
    return sql.begin(async (tx) => {
      await tx`select set_config('lock_timeout', ${String(LOCK_WAIT_MS)}, true)`
      await tx`select pg_advisory_xact_lock(${REFRESH_LOCK}, ${accountId}::int)`
      return work(tx)
    }) as Promise<T>
  }

  /** Null for an account that is none, or has no grant. */
  async function read(tx: TransactionSql, accountId: number): Promise<StoredGrant | null> {
    const [row] = await tx<GrantRow[]>`
      select oauth_grant as "oauthGrant", oauth_token_url as "oauthTokenUrl", oauth_client_id as "oauthClientId",
        oauth_scope as "oauthScope", oauth_refresh_sealed as "oauthRefreshSealed",
        oauth_access_sealed as "oauthAccessSealed", oauth_access_expires_at as "oauthAccessExpiresAt",
        oauth_generation as "oauthGeneration", secret_sealed as "secretSealed", proxy_sealed as "proxySealed"
      from accounts where id = ${accountId} and auth = 'oauth2' and status <> 'archived'`
    return row === undefined ? null : toGrant(accountId, row)
  }

  function toGrant(id: number, row: GrantRow): StoredGrant | null {
    const { oauthGrant, oauthTokenUrl, oauthClientId } = row
    if (oauthGrant === null || oauthTokenUrl === null || oauthClientId === null) return null
    const value = openAccountText(box, id, 'oauth_access_sealed', row.oauthAccessSealed)
    return {
      generation: row.oauthGeneration,
      access: value === null ? null : { value, expiresAtMs: row.oauthAccessExpiresAt?.getTime() ?? 0 },
      request: {
        grant: oauthGrant,
        tokenUrl: oauthTokenUrl,
        clientId: oauthClientId,
        clientSecret: openAccountSecret(box, { id, secretSealed: row.secretSealed }),
        scope: row.oauthScope,
        refreshToken: openAccountText(box, id, 'oauth_refresh_sealed', row.oauthRefreshSealed),
        proxy: openAccountText(box, id, 'proxy_sealed', row.proxySealed),
      },
    }
  }

  /** False where the grant was replaced since `generation` was read: then nothing is written. */
  async function write(tx: TransactionSql, { accountId, generation, answer, expiresAtMs }: Renewal): Promise<boolean> {
    const access = sealAccountText(box, accountId, 'oauth_access_sealed', answer.accessToken)
    const refresh =
      answer.refreshToken === null ? null : sealAccountText(box, accountId, 'oauth_refresh_sealed', answer.refreshToken)
    const rows = await tx`
      update accounts set oauth_access_sealed = ${access}, oauth_access_expires_at = ${new Date(expiresAtMs)},
        oauth_refresh_sealed = coalesce(${refresh}, oauth_refresh_sealed), oauth_generation = oauth_generation + 1
      where id = ${accountId} and oauth_generation = ${generation} returning id`
    return rows.length === 1
  }

  /** The grant is worth nothing any more: an administrator is needed. */
  async function fail(tx: TransactionSql, { accountId, reason, atMs }: Failure): Promise<void> {
    const at = new Date(atMs)
    const rows = await tx`
      update accounts set status = 'error', status_reason = ${reason}
      where id = ${accountId} and status = 'active' returning id`
    if (rows.length === 0) return
    await tx`
      insert into account_events (account_id, kind, from_state, to_state, reason, at)
      values (${accountId}, 'error', 'active', 'error', ${reason}, ${at})`
  }

  return { alone, read, write, fail }
}

interface Renewal {
  accountId: number
  /** As it was read before the endpoint was asked. */
  generation: number
  answer: TokenAnswer
  expiresAtMs: number
}

interface Failure {
  accountId: number
  reason: string
  atMs: number
}
