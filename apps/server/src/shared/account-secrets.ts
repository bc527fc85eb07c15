import { z } from 'zod'
import type { SecretBox, SecretPlace } from './secret-box.ts'

const headers = z.record(z.string(), z.string())

/** How an account's secret and extra headers lie in the database: sealed, each bound to its row and column. */
export function sealAccountSecret(box: SecretBox, accountId: number, secret: string): string {
  return box.seal(secret, place(accountId, 'secret_sealed'))
}

export function openAccountSecret(box: SecretBox, account: { id: number; secretSealed: string }): string {
  return box.open(account.secretSealed, place(account.id, 'secret_sealed'))
}

/** No headers are stored as null. */
export function sealExtraHeaders(box: SecretBox, accountId: number, values: Record<string, string>): string | null {
  if (Object.keys(values).length === 0) return null
  return box.seal(JSON.stringify(values), place(accountId, 'extra_headers_sealed'))
}

export function openExtraHeaders(
  box: SecretBox,
  account: { id: number; extraHeadersSealed: string | null },
): Record<string, string> {
  if (account.extraHeadersSealed === null) return {}
  return headers.parse(JSON.parse(box.open(account.extraHeadersSealed, place(account.id, 'extra_headers_sealed'))))
}

/** Other sealed columns of an account: what an oauth2 account renews itself with, and the way out. */
export type SealedText = 'oauth_refresh_sealed' | 'oauth_access_sealed' | 'proxy_sealed'

export function sealAccountText(box: SecretBox, accountId: number, column: SealedText, plain: string): string {
  return box.seal(plain, place(accountId, column))
}

/** Null where nothing is stored. */
export function openAccountText(
  box: SecretBox,
  accountId: number,
  column: SealedText,
  sealed: string | null,
): string | null {
  return sealed === null ? null : box.open(sealed, place(accountId, column))
}

function place(row: number, column: string): SecretPlace {
  return { table: 'accounts', column, row }
}
