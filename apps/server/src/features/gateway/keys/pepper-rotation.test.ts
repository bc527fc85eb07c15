import { apiKeys, groups, users } from '@turnpike/db/schema'
import { freshDatabase } from '@turnpike/db/testing'
import { expect, test } from 'vitest'
import { apiKeyPeppers, hashApiKey, makeApiKey, pepperVersion } from '../../../shared/api-key.ts'
import { createSecretBox } from '../../../shared/secret-box.ts'
import { createAuthenticator } from './authenticate.ts'
import { keysByPublicId, keysOfUsers, rehashKey } from './key-store.ts'
import { createUnknownKeyLimit } from './unknown-key-limit.ts'

const OLD = Buffer.alloc(32, 1)
const NEW = Buffer.alloc(32, 2)

test('a key hashed under the old pepper works while the previous key is given, and is hashed anew by its use', async () => {
  await using database = await freshDatabase()
  const { db, sql } = database
  const { key, publicId, last4 } = makeApiKey(Buffer.alloc(48, 7))
  const [old] = apiKeyPeppers(createSecretBox(OLD))
  const [user] = await db.insert(users).values({ email: 'a@example.com' }).returning()
  const [group] = await db.insert(groups).values({ name: 'g' }).returning()
  await db.insert(apiKeys).values({
    publicId,
    last4,
    secretHash: hashApiKey(old, key),
    pepperVersion: pepperVersion(old),
    userId: user?.id ?? 0,
    groupId: group?.id ?? 0,
    name: 'k',
  })
  const rehashed: Promise<void>[] = []
  function authenticatorUnder(newest: Buffer, previous: Buffer | null = null) {
    const peppers = apiKeyPeppers(createSecretBox(newest, previous))
    return createAuthenticator({
      peppers,
      onOldHash(record, proven) {
        const fresh = { hash: hashApiKey(peppers[0], proven), pepperVersion: pepperVersion(peppers[0]) }
        rehashed.push(rehashKey(sql, record, fresh))
      },
      lookUp: (publicIds) => keysByPublicId(sql, publicIds),
      lookUpOwned: (userIds) => keysOfUsers(sql, userIds),
      limit: createUnknownKeyLimit({ monotonic: () => 0 }),
      now: Date.now,
    })
  }

  await expect(authenticatorUnder(NEW).authenticate(key, 'ip')).rejects.toThrow('Invalid API key')
  const ring = authenticatorUnder(NEW, OLD)
  for (let time = 0; time < 3; time++) expect(await ring.authenticate(key, 'ip')).toMatchObject({ publicId })
  await Promise.all(rehashed)
  expect(rehashed).toHaveLength(1)
  expect(await authenticatorUnder(NEW).authenticate(key, 'ip')).toMatchObject({ publicId })
  await expect(authenticatorUnder(OLD).authenticate(key, 'ip')).rejects.toThrow('Invalid API key')
})
