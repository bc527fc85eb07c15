import type { Db } from '@turnpike/db'
import { accountGroups, accounts, apiKeys, groups, settings } from '@turnpike/db/schema'
import { and, eq } from 'drizzle-orm'
import { sealAccountSecret } from '../../shared/account-secrets.ts'
import { API_KEY_BYTES, apiKeyPepper, hashApiKey, makeApiKey, pepperVersion } from '../../shared/api-key.ts'
import type { SecretBox } from '../../shared/secret-box.ts'

export const QUICKSTART_CONCURRENCY = 100
const SANDBOX_CONCURRENCY = 200
/** The sandbox's models that speak Chat Completions and Responses. */
export const QUICKSTART_MODELS = ['sandbox-small', 'sandbox-large', 'sandbox-reasoning'] as const
const SANDBOX_URL_SETTING = 'quickstart.sandboxUrl'

interface SeedOptions {
  db: Db['db']
  box: SecretBox
  ownerId: number
  /** Where the built-in sandbox listens now, `/v1` included; null = it does not run. */
  sandboxUrl: string | null
}

/** The API key of the quick start: made from the secret, so that every start shows the same one. */
export function quickstartKey(box: SecretBox) {
  return makeApiKey(box.derive('quick start API key', API_KEY_BYTES))
}

/** The password of the quick start's owner, made the same way. */
export function quickstartPassword(box: SecretBox): string {
  return box.derive('quick start password', 15).toString('base64url')
}

/** One group, one key, one sandbox account; what is there already stays as the administrator left it. */
export async function seedQuickstart({ db, box, ownerId, sandboxUrl }: SeedOptions): Promise<void> {
  const { publicId, key, last4 } = quickstartKey(box)
  const [known] = await db.select({ id: apiKeys.id }).from(apiKeys).where(eq(apiKeys.publicId, publicId))
  if (known === undefined) {
    const pepper = apiKeyPepper(box)
    await db.transaction(async (tx) => {
      const [group] = await tx.insert(groups).values({ name: 'Default' }).returning({ id: groups.id })
      if (group === undefined) throw new Error('the quick start could not make its group')
      await tx.insert(apiKeys).values({
        publicId,
        secretHash: hashApiKey(pepper, key),
        pepperVersion: pepperVersion(pepper),
        last4,
        userId: ownerId,
        groupId: group.id,
        name: 'Quick start',
        concurrency: QUICKSTART_CONCURRENCY,
      })
      if (sandboxUrl !== null) await insertSandbox(tx, box, group.id, sandboxUrl)
    })
  }
  if (sandboxUrl !== null) await followSandbox(db, sandboxUrl)
}

type Transaction = Parameters<Parameters<Db['db']['transaction']>[0]>[0]

async function insertSandbox(tx: Transaction, box: SecretBox, groupId: number, url: string) {
  const [account] = await tx
    .insert(accounts)
    .values({
      name: 'Sandbox',
      provider: 'sandbox',
      baseUrl: url,
      protocol: 'responses+chat',
      secretSealed: '',
      secretLast4: 'none',
      concurrency: SANDBOX_CONCURRENCY,
      models: [...QUICKSTART_MODELS],
    })
    .returning({ id: accounts.id })
  if (account === undefined) throw new Error('the quick start could not make its account')
  const secretSealed = sealAccountSecret(box, account.id, 'sandbox')
  await tx.update(accounts).set({ secretSealed }).where(eq(accounts.id, account.id))
  await tx.insert(accountGroups).values({ accountId: account.id, groupId })
}

/** The sandbox listens elsewhere after every start: accounts that pointed at its last address follow it. */
async function followSandbox(db: Db['db'], url: string): Promise<void> {
  const [last] = await db.select().from(settings).where(eq(settings.key, SANDBOX_URL_SETTING))
  if (typeof last?.value === 'string' && last.value !== url) {
    const pointsThere = and(eq(accounts.provider, 'sandbox'), eq(accounts.baseUrl, last.value))
    await db.update(accounts).set({ baseUrl: url }).where(pointsThere)
  }
  await db
    .insert(settings)
    .values({ key: SANDBOX_URL_SETTING, value: url })
    .onConflictDoUpdate({ target: settings.key, set: { value: url } })
}
