import { randomBytes } from 'node:crypto'
import { accountGroups, accounts, apiKeys, groups, userGroups, users } from '@turnpike/db/schema'
import type { FreshDatabase } from '@turnpike/db/testing'
import { eq } from 'drizzle-orm'
import { sealAccountSecret } from '../../apps/server/src/shared/account-secrets.ts'
import { API_KEY_BYTES, apiKeyPepper, hashApiKey, makeApiKey } from '../../apps/server/src/shared/api-key.ts'
import type { SecretBox } from '../../apps/server/src/shared/secret-box.ts'

export interface TenantOptions {
  user?: Partial<typeof users.$inferInsert>
  group?: Partial<typeof groups.$inferInsert>
  key?: Partial<typeof apiKeys.$inferInsert>
  /** One account each; they serve the tenant's group alone. */
  accounts: (Partial<typeof accounts.$inferInsert> & { baseUrl: string })[]
}

export interface Tenant {
  userId: number
  groupId: number
  keyId: number
  accountIds: number[]
  /** To call with. */
  key: string
  addKey(values?: Partial<typeof apiKeys.$inferInsert>): Promise<{ keyId: number; key: string }>
}

type Builder = Pick<FreshDatabase['db'], 'insert' | 'update'>

/** A user with a key, in a group of his own with accounts of its own: nothing of another test touches his limits. */
export async function plantTenant(
  { db }: FreshDatabase,
  box: SecretBox,
  { user, group, key, accounts: wanted }: TenantOptions,
): Promise<Tenant> {
  const name = randomBytes(4).toString('hex')
  // Whoever hears of a part of it finds all of it.
  const { userId, groupId, accountIds } = await db.transaction(insertTenant)

  async function insertTenant(tx: Builder) {
    const userId = idOf(
      await tx
        .insert(users)
        .values({ email: `${name}@example.com`, concurrency: 0, ...user })
        .returning(),
    )
    const groupId = idOf(
      await tx
        .insert(groups)
        .values({ name, ...group })
        .returning(),
    )
    await tx.insert(userGroups).values({ userId, groupId })
    const accountIds: number[] = []
    for (const values of wanted) accountIds.push(await addAccount(tx, groupId, values))
    return { userId, groupId, accountIds }
  }

  async function addAccount(tx: Builder, groupId: number, values: TenantOptions['accounts'][number]): Promise<number> {
    const row = {
      name,
      provider: 'sandbox' as const,
      protocol: 'responses+chat' as const,
      secretSealed: '',
      secretLast4: 'none',
      concurrency: 0,
      ...values,
    }
    const id = idOf(await tx.insert(accounts).values(row).returning())
    await tx
      .update(accounts)
      .set({ secretSealed: sealAccountSecret(box, id, 'upstream-secret') })
      .where(eq(accounts.id, id))
    await tx.insert(accountGroups).values({ accountId: id, groupId })
    return id
  }

  async function addKey(values: Partial<typeof apiKeys.$inferInsert> = {}) {
    const { key: secret, publicId, last4 } = makeApiKey(randomBytes(API_KEY_BYTES))
    const secretHash = hashApiKey(apiKeyPepper(box), secret)
    const row = { publicId, last4, secretHash, userId, groupId, name, concurrency: 0, ...values }
    return { keyId: idOf(await db.insert(apiKeys).values(row).returning()), key: secret }
  }

  return { userId, groupId, accountIds, ...(await addKey(key)), addKey }
}

function idOf([row]: { id: number }[]): number {
  if (row === undefined) throw new Error('nothing was inserted')
  return row.id
}
