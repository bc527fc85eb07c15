import type { Settings } from '@turnpike/core/inputs/settings'
import type { Db } from '@turnpike/db'
import { settings } from '@turnpike/db/schema'
import { eq } from 'drizzle-orm'
import type { SecretBox, SecretPlace } from '../secret-box.ts'
import { storedSettings } from '../stored-settings.ts'
import type { SmtpConfig } from './smtp-config.ts'

/** The row of `settings` that holds the password, sealed; it is no setting that anybody reads. */
export const SMTP_PASSWORD_KEY = 'smtp.passwordSealed'
export const SMTP_PASSWORD_PLACE: SecretPlace = { table: 'settings', column: 'value', row: SMTP_PASSWORD_KEY }

interface StoredSmtpOptions {
  db: Pick<Db['db'], 'select'>
  box: Pick<SecretBox, 'open'>
  /** `SMTP_URL`; null = it is not set. */
  fallback: SmtpConfig | null
}

/** How mail leaves, as it holds now: by the settings of the panel where they name a server, else by `SMTP_URL`. */
export function createStoredSmtp({ db, box, fallback }: StoredSmtpOptions): () => Promise<SmtpConfig | null> {
  return async function smtpConfig() {
    const config = smtpOf(await storedSettings(db))
    if (config === null) return fallback
    const sealed = config.user === null ? null : await sealedSmtpPassword(db)
    return { ...config, password: sealed === null ? null : box.open(sealed, SMTP_PASSWORD_PLACE) }
  }
}

export async function sealedSmtpPassword(db: Pick<Db['db'], 'select'>): Promise<string | null> {
  const [row] = await db.select({ value: settings.value }).from(settings).where(eq(settings.key, SMTP_PASSWORD_KEY))
  return typeof row?.value === 'string' ? row.value : null
}

function smtpOf(stored: Settings): Omit<SmtpConfig, 'password'> | null {
  const { 'smtp.host': host, 'smtp.from': from } = stored
  if (host === null || from === null) return null
  return { host, from, port: stored['smtp.port'], security: stored['smtp.security'], user: stored['smtp.user'] }
}
