import type { Settings, SettingsSet } from '@turnpike/core/inputs/settings'
import type { Db } from '@turnpike/db'
import { settings } from '@turnpike/db/schema'
import { sql } from 'drizzle-orm'
import { type Actor, recordAudit } from '../../shared/audit.ts'
import { changed } from '../../shared/changed.ts'
import { storedSettings } from '../../shared/stored-settings.ts'

export type SettingsStore = ReturnType<typeof createSettingsStore>

/** Settings of the whole installation; what is not stored has its default. */
export function createSettingsStore({ db }: { db: Db['db'] }) {
  /** Those that are told are stored; the others stay as they are. Every instance goes by them within a second. */
  async function set(values: SettingsSet, actor: Actor): Promise<Settings> {
    const rows = Object.entries(values).flatMap(([key, value]) => (value === undefined ? [] : [{ key, value }]))
    if (rows.length === 0) return storedSettings(db)
    return db.transaction(async (tx) => {
      const before = await storedSettings(tx)
      await tx
        .insert(settings)
        .values(rows)
        .onConflictDoUpdate({ target: settings.key, set: { value: sql`excluded.value`, updatedAt: sql`now()` } })
      const after = await storedSettings(tx)
      const target = { type: 'settings', id: null }
      await recordAudit(tx, actor, { action: 'settings.set', target, change: changed(before, after) })
      return after
    })
  }

  return { get: () => storedSettings(db), set }
}
