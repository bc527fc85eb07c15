import type { Sql } from 'postgres'
import type { SecretBox, SecretPlace } from './secret-box.ts'
import { SecretKeyError } from './secret-key.ts'

const SETTING = 'secretKey.check'
const PLACE: SecretPlace = { table: 'settings', column: 'value', row: SETTING }

/**
 * Throws a SecretKeyError unless the key opens the check value that the first start left in the database: with another
 * key every stored secret and every API key would be lost, one request at a time (spec: accounts-and-billing, "Secrets").
 */
export async function assertSecretKeyFits(sql: Sql, box: SecretBox): Promise<void> {
  await sql`insert into settings (key, value) values (${SETTING}, ${sql.json(seal(box))}) on conflict (key) do nothing`
  const [row] = await sql<{ value: unknown }[]>`select value from settings where key = ${SETTING}`
  try {
    box.open(String(row?.value), PLACE)
  } catch (cause) {
    throw new SecretKeyError(UNFITTING, { cause })
  }
}

/** The check value as it is stored: like a name of the database, since no other has the same. */
export async function secretKeyMark(sql: Sql): Promise<string> {
  const [row] = await sql<{ value: unknown }[]>`select value from settings where key = ${SETTING}`
  return String(row?.value)
}

/** Seals the check value under the newest key: from now on the previous one is not enough to start. */
export async function renewSecretKeyCheck(sql: Sql, box: SecretBox): Promise<void> {
  await sql`update settings set value = ${sql.json(seal(box))}, updated_at = now() where key = ${SETTING}`
}

const UNFITTING =
  'The secret key is not the one this database was sealed with: upstream credentials and API keys could not be read.\n' +
  'Give that key as TURNPIKE_SECRET_KEY. To replace it, give the new one as TURNPIKE_SECRET_KEY and the old one as\n' +
  'TURNPIKE_SECRET_KEY_PREVIOUS.'

function seal(box: SecretBox): string {
  return box.seal('opens', PLACE)
}
