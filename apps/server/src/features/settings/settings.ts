import type { Settings, SettingsSet } from '@turnpike/core/inputs/settings'
import type { Db } from '@turnpike/db'
import { settings } from '@turnpike/db/schema'
import { inArray, sql } from 'drizzle-orm'
import { AppError } from '../../shared/app-error.ts'
import { type Actor, recordAudit } from '../../shared/audit.ts'
import { changed } from '../../shared/changed.ts'
import type { MailEgress } from '../../shared/mail/mailer.ts'
import { SMTP_PASSWORD_KEY, SMTP_PASSWORD_PLACE, sealedSmtpPassword } from '../../shared/mail/stored-smtp.ts'
import type { SecretBox } from '../../shared/secret-box.ts'
import { storedSettings } from '../../shared/stored-settings.ts'

interface SettingsStoreOptions {
  db: Db['db']
  box: Pick<SecretBox, 'seal'>
  egress: Pick<MailEgress, 'checkMailServer'>
}

/** Settings as they are shown: of the mail password only whether there is one. */
export type ShownSettings = Settings & { 'smtp.hasPassword': boolean }

export type SettingsStore = ReturnType<typeof createSettingsStore>
type Builder = Pick<Db['db'], 'select' | 'insert' | 'delete'>

/** Settings of the whole installation; what is not stored has its default. */
export function createSettingsStore({ db, box, egress }: SettingsStoreOptions) {
  /** Those that are told are stored; the others stay as they are. Every instance goes by them within a second. */
  async function set({ 'smtp.password': password, ...values }: SettingsSet, actor: Actor): Promise<ShownSettings> {
    const rows = Object.entries(values).flatMap(([key, value]) => (value === undefined ? [] : [{ key, value }]))
    if (rows.length === 0 && password === undefined) return shown(db)
    // Who changes something else is not kept from it by a name that does not resolve now.
    if ('smtp.host' in values || 'smtp.port' in values)
      await checkMailServer({ ...(await storedSettings(db)), ...values })
    return db.transaction(async (tx) => {
      // One after the other: what two changes make together is judged as well. Who reads does not wait.
      await tx.execute(sql`lock table ${settings} in share row exclusive mode`)
      const before = await shown(tx)
      await store(tx, rows)
      if (password !== undefined) await storePassword(tx, password)
      const after = await shown(tx)
      refuseOpenPassword(after)
      refuseHalf(after)
      const change = { ...changed(before, after), ...(password !== undefined && { 'smtp.password': 'changed' }) }
      await recordAudit(tx, actor, { action: 'settings.set', target: { type: 'settings', id: null }, change })
      return after
    })
  }

  async function storePassword(tx: Builder, password: string | null): Promise<void> {
    const value = password === null ? null : box.seal(password, SMTP_PASSWORD_PLACE)
    await store(tx, [{ key: SMTP_PASSWORD_KEY, value }])
  }

  async function checkMailServer({ 'smtp.host': host, 'smtp.port': port }: Settings): Promise<void> {
    if (host === null) return
    try {
      await egress.checkMailServer({ host, port })
    } catch (cause) {
      throw new AppError('unsafe_destination', { field: 'smtp.host', cause })
    }
  }

  return { get: () => storedSettings(db), show: () => shown(db), set }
}

async function shown(db: Pick<Db['db'], 'select'>): Promise<ShownSettings> {
  return { ...(await storedSettings(db)), 'smtp.hasPassword': (await sealedSmtpPassword(db)) !== null }
}

/** Null is what every setting that can be null has by default: its row goes. */
async function store(tx: Builder, rows: { key: string; value: unknown }[]): Promise<void> {
  const given = rows.filter(({ value }) => value !== null)
  const taken = rows.filter(({ value }) => value === null).map(({ key }) => key)
  if (taken.length > 0) await tx.delete(settings).where(inArray(settings.key, taken))
  if (given.length === 0) return
  await tx
    .insert(settings)
    .values(given)
    .onConflictDoUpdate({ target: settings.key, set: { value: sql`excluded.value`, updatedAt: sql`now()` } })
}

/** A password in the clear is everybody's on the way. */
function refuseOpenPassword({ 'smtp.security': security, 'smtp.hasPassword': hasPassword }: ShownSettings): void {
  if (security === 'none' && hasPassword) throw new AppError('invalid_input', { field: 'smtp.security' })
}

/** A server that no sender goes by sends nothing, and would look as if it did. */
function refuseHalf({ 'smtp.host': host, 'smtp.from': from }: ShownSettings): void {
  if (host !== null && from === null) throw new AppError('invalid_input', { field: 'smtp.from' })
}
