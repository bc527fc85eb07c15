import { accounts, settings } from '@turnpike/db/schema'
import { freshDatabase } from '@turnpike/db/testing'
import { expect, test } from 'vitest'
import { openAccountSecret, openExtraHeaders, sealAccountSecret, sealExtraHeaders } from './account-secrets.ts'
import { apiKeyPepper, pepperVersion } from './api-key.ts'
import { silentLog } from './logger.ts'
import { SMTP_PASSWORD_KEY, SMTP_PASSWORD_PLACE, sealedSmtpPassword } from './mail/stored-smtp.ts'
import { createSecretBox } from './secret-box.ts'
import { SecretKeyError } from './secret-key.ts'
import { assertSecretKeyFits } from './secret-key-check.ts'
import { createSecretRotation } from './secret-rotation.ts'

const OLD = Buffer.alloc(32, 1)
const NEW = Buffer.alloc(32, 2)

async function databaseWithSecrets(count: number) {
  const database = await freshDatabase()
  const box = createSecretBox(OLD)
  await assertSecretKeyFits(database.sql, box)
  for (let at = 0; at < count; at++) {
    const row = { name: 'a', provider: 'openai' as const, baseUrl: 'x', protocol: 'chat' as const, secretLast4: '' }
    const [account] = await database.db
      .insert(accounts)
      .values({ ...row, secretSealed: '' })
      .returning()
    const id = account?.id ?? 0
    await database.sql`update accounts set secret_sealed = ${sealAccountSecret(box, id, `secret-${id}`)},
      extra_headers_sealed = ${sealExtraHeaders(box, id, { 'x-id': String(id) })} where id = ${id}`
  }
  return database
}

test('a database starts only under the key it was sealed with', async () => {
  await using database = await databaseWithSecrets(0)
  await assertSecretKeyFits(database.sql, createSecretBox(OLD))
  await expect(assertSecretKeyFits(database.sql, createSecretBox(NEW))).rejects.toThrow(SecretKeyError)
  await expect(assertSecretKeyFits(database.sql, createSecretBox(NEW))).rejects.toThrow('TURNPIKE_SECRET_KEY_PREVIOUS')
  await assertSecretKeyFits(database.sql, createSecretBox(NEW, OLD))
})

test('every secret is sealed under the new key, more than one batch of them, and then the old key is not needed', async () => {
  await using database = await databaseWithSecrets(120)
  const ring = createSecretBox(NEW, OLD)
  const rotation = createSecretRotation({ sql: database.sql, box: ring, log: silentLog })
  expect(await rotation.left()).toEqual({ sealedValues: 240, apiKeys: 0 })
  expect(await rotation.run()).toEqual({ resealed: 240, unreadable: 0 })
  expect(await rotation.left()).toEqual({ sealedValues: 0, apiKeys: 0 })
  const alone = createSecretBox(NEW)
  await assertSecretKeyFits(database.sql, alone)
  for (const row of await database.db.select().from(accounts)) {
    expect(openAccountSecret(alone, row)).toBe(`secret-${row.id}`)
    expect(openExtraHeaders(alone, row)).toEqual({ 'x-id': String(row.id) })
  }
  await expect(assertSecretKeyFits(database.sql, createSecretBox(OLD))).rejects.toThrow(SecretKeyError)
  expect(await rotation.run()).toEqual({ resealed: 0, unreadable: 0 })
})

test('the password of mail is sealed anew too', async () => {
  await using database = await databaseWithSecrets(0)
  const sealed = createSecretBox(OLD).seal('s3cret', SMTP_PASSWORD_PLACE)
  await database.db.insert(settings).values({ key: SMTP_PASSWORD_KEY, value: sealed })
  const rotation = createSecretRotation({ sql: database.sql, box: createSecretBox(NEW, OLD), log: silentLog })
  expect(await rotation.left()).toEqual({ sealedValues: 1, apiKeys: 0 })
  expect(await rotation.run()).toEqual({ resealed: 1, unreadable: 0 })
  expect(await rotation.left()).toEqual({ sealedValues: 0, apiKeys: 0 })
  const kept = await sealedSmtpPassword(database.db)
  expect(createSecretBox(NEW).open(kept ?? '', SMTP_PASSWORD_PLACE)).toBe('s3cret')
})

test('what opens under neither key is counted and stays as it is', async () => {
  await using database = await databaseWithSecrets(2)
  const foreign = createSecretBox(Buffer.alloc(32, 9)).seal('x', { table: 'accounts', column: 'secret_sealed', row: 1 })
  await database.sql`update accounts set secret_sealed = ${foreign} where id = (select min(id) from accounts)`
  const rotation = createSecretRotation({ sql: database.sql, box: createSecretBox(NEW, OLD), log: silentLog })
  expect(await rotation.run()).toEqual({ resealed: 3, unreadable: 1 })
  expect(await database.sql`select secret_sealed from accounts order by id limit 1`).toEqual([
    { secret_sealed: foreign },
  ])
})

test('API keys are counted as long as they need the old key and can be used at all', async () => {
  await using database = await databaseWithSecrets(0)
  const old = pepperVersion(apiKeyPepper(createSecretBox(OLD)))
  await database.sql`insert into users (email) values ('a@example.com')`
  await database.sql`insert into groups (name) values ('g')`
  for (const [name, version, status] of [
    ['used', pepperVersion(apiKeyPepper(createSecretBox(NEW))), 'active'],
    ['unused', old, 'active'],
    ['revoked', old, 'revoked'],
  ]) {
    await database.sql`insert into api_keys (public_id, secret_hash, pepper_version, last4, user_id, group_id, name, status)
      select ${name ?? ''}, '', ${version ?? 0}, '', users.id, groups.id, ${name ?? ''}, ${status ?? ''} from users, groups`
  }
  const rotation = createSecretRotation({ sql: database.sql, box: createSecretBox(NEW, OLD), log: silentLog })
  expect(await rotation.left()).toEqual({ sealedValues: 0, apiKeys: 1 })
})
