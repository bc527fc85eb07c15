import { join } from 'node:path'
import postgres from 'postgres'
import { apiKeyPepper, hashApiKey } from '../../apps/server/src/shared/api-key.ts'
import { createSecretBox } from '../../apps/server/src/shared/secret-box.ts'
import { loadSecretKey } from '../../apps/server/src/shared/secret-key.ts'
import { signIn } from '../support/admin.ts'
import { embeddedUrl } from '../support/data-dir.ts'
import { MODELS } from './bodies.ts'
import { type KeySet, keyOf } from './keys.ts'
import type { BenchedTurnpike } from './turnpike.ts'

const ROWS_A_STATEMENT = 10_000

/** Gives the benched user so many more keys, straight into the database: by the API it would take minutes. */
export async function addKeys({ server, userId, groupId }: BenchedTurnpike, count: number): Promise<KeySet> {
  const keys: KeySet = { seed: `bench ${count}`, count }
  const file = join(server.dataDir, 'secret.key')
  const pepper = apiKeyPepper(
    createSecretBox(loadSecretKey({ key: undefined, file, dataDir: server.dataDir, mayGenerate: false })),
  )
  const sql = postgres(await embeddedUrl(server.dataDir), { max: 1 })
  try {
    for (let from = 0; from < count; from += ROWS_A_STATEMENT) {
      const rows = Array.from({ length: Math.min(ROWS_A_STATEMENT, count - from) }, (_, at) => keyOf(keys, from + at))
      await sql`
        insert into api_keys (public_id, secret_hash, last4, user_id, group_id, name)
        select public_id, secret_hash, last4, ${userId}, ${groupId}, 'crowd'
        from unnest(${rows.map(({ publicId }) => publicId)}::text[],
          ${rows.map(({ key }) => hashApiKey(pepper, key))}::text[], ${rows.map(({ last4 }) => last4)}::text[])
          as rows (public_id, secret_hash, last4)`
    }
  } finally {
    await sql.end()
  }
  return keys
}

/** A group with so many accounts at the one upstream; returns a key of it. */
export async function addGroup({ server, userId }: BenchedTurnpike, upstreamPort: number, accounts: number) {
  const client = await signIn(server)
  const group = await client.groups.create.mutate({ name: `${accounts} accounts` })
  for (let n = 0; n < accounts; n++) {
    await client.accounts.create.mutate({
      name: `Account ${n} of ${accounts}`,
      provider: 'openai-compatible',
      baseUrl: `http://127.0.0.1:${upstreamPort}/v1`,
      secret: 'bench',
      groupIds: [group.id],
      concurrency: 100,
      models: Object.values(MODELS),
    })
  }
  const { secret } = await client.keys.create.mutate({ userId, groupId: group.id, name: group.name })
  return secret
}
