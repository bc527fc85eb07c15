import { readSettings, type Settings } from '@turnpike/core/inputs/settings'
import type { Db } from '@turnpike/db'
import { settings } from '@turnpike/db/schema'

/** Every setting as it holds now: what is stored, else its default. */
export async function storedSettings(db: Pick<Db['db'], 'select'>): Promise<Settings> {
  const rows = await db.select({ key: settings.key, value: settings.value }).from(settings)
  return readSettings(rows).settings
}
