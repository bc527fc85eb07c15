import type { Sql } from 'postgres'
import { apiKeyPeppers, pepperVersion } from './api-key.ts'
import type { Log } from './logger.ts'
import { SMTP_PASSWORD_KEY, SMTP_PASSWORD_PLACE } from './mail/stored-smtp.ts'
import type { SecretBox } from './secret-box.ts'
import { renewSecretKeyCheck } from './secret-key-check.ts'

/** Every column that holds sealed values; the place of each is its table, its column and its row's id. */
const SEALED_COLUMNS = [
  { table: 'accounts', column: 'secret_sealed' },
  { table: 'accounts', column: 'extra_headers_sealed' },
  { table: 'accounts', column: 'oauth_refresh_sealed' },
  { table: 'accounts', column: 'oauth_access_sealed' },
  { table: 'accounts', column: 'proxy_sealed' },
  { table: 'users', column: 'totp_secret_sealed' },
  { table: 'alert_channels', column: 'secret_sealed' },
] as const

type SealedColumn = (typeof SEALED_COLUMNS)[number]

const BATCH = 100

export interface RotationLeft {
  /** Values that are not sealed under the newest key. */
  sealedValues: number
  /** Usable API keys that still need the previous key: each is hashed anew when it is next used. */
  apiKeys: number
}

/**
 * The second half of replacing the master key, while requests go on: what the previous key sealed is sealed under the newest.
 * Several instances may do it at once: a value that changed meanwhile is left to whoever changed it.
 */
export function createSecretRotation({ sql, box, log }: { sql: Sql; box: SecretBox; log: Log }) {
  async function run(): Promise<{ resealed: number; unreadable: number }> {
    const total = { resealed: 0, unreadable: 0 }
    for (const place of SEALED_COLUMNS) {
      const { resealed, unreadable } = await resealColumn(place)
      total.resealed += resealed
      total.unreadable += unreadable
    }
    if (await resealMailPassword()) total.resealed += 1
    await renewSecretKeyCheck(sql, box)
    if (total.resealed > 0) log.info(total, 'stored secrets were sealed under the newest key')
    return total
  }

  async function resealColumn(place: SealedColumn): Promise<{ resealed: number; unreadable: number }> {
    let resealed = 0
    let unreadable = 0
    let after = 0
    for (;;) {
      const rows = await outdated(place, after)
      const last = rows.at(-1)
      if (last === undefined) return { resealed, unreadable }
      for (const row of rows) {
        if (await reseal(place, row)) resealed++
        else unreadable++
      }
      after = last.id
    }
  }

  function outdated({ table, column }: SealedColumn, after: number) {
    return sql<{ id: number; sealed: string }[]>`
      select id::float8 as id, ${sql(column)} as sealed from ${sql(table)}
      where id > ${after} and not starts_with(${sql(column)}, ${box.sealedPrefix}) order by id limit ${BATCH}`
  }

  /** False for what neither key opens: it stays as it is, for whoever still has the key. */
  async function reseal({ table, column }: SealedColumn, { id, sealed }: { id: number; sealed: string }) {
    const place = { table, column, row: id }
    let plain: string
    try {
      plain = box.open(sealed, place)
    } catch (error) {
      log.error({ err: error, table, column, id }, 'a stored secret opens under neither key')
      return false
    }
    await sql`
      update ${sql(table)} set ${sql(column)} = ${box.seal(plain, place)} where id = ${id} and ${sql(column)} = ${sealed}`
    return true
  }

  /** The one sealed value among the settings. */
  async function resealMailPassword(): Promise<boolean> {
    const sealed = await outdatedMailPassword()
    if (sealed === null) return false
    try {
      const renewed = box.seal(box.open(sealed, SMTP_PASSWORD_PLACE), SMTP_PASSWORD_PLACE)
      await sql`
        update settings set value = to_jsonb(${renewed}::text)
        where key = ${SMTP_PASSWORD_KEY} and value = to_jsonb(${sealed}::text)`
      return true
    } catch (error) {
      log.error({ err: error, key: SMTP_PASSWORD_KEY }, 'a stored secret opens under neither key')
      return false
    }
  }

  async function outdatedMailPassword(): Promise<string | null> {
    const [row] = await sql<{ sealed: string }[]>`
      select value #>> '{}' as sealed from settings
      where key = ${SMTP_PASSWORD_KEY} and not starts_with(value #>> '{}', ${box.sealedPrefix})`
    return row?.sealed ?? null
  }

  async function left(): Promise<RotationLeft> {
    let sealedValues = (await outdatedMailPassword()) === null ? 0 : 1
    for (const { table, column } of SEALED_COLUMNS) {
      const [row] = await sql<{ count: number }[]>`
        select count(*)::float8 as count from ${sql(table)} where not starts_with(${sql(column)}, ${box.sealedPrefix})`
      sealedValues += row?.count ?? 0
    }
    const [, ...old] = apiKeyPeppers(box).map(pepperVersion)
    const [keys] = await sql<{ count: number }[]>`
      select count(*)::float8 as count from api_keys
      where pepper_version = any(${old}) and status = 'active' and (expires_at is null or expires_at > now())`
    return { sealedValues, apiKeys: keys?.count ?? 0 }
  }

  return { run, left }
}
