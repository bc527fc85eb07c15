import { expect, test } from 'vitest'
import { type FreshDatabase, freshDatabase } from './testing/fresh-database.ts'

/** What the gateway itself writes, or never reads: changing it reloads nothing. */
const QUIET_COLUMNS = {
  users: [
    'id',
    'email',
    'name',
    'role',
    'password_hash',
    'balance_nano',
    'billed_nano',
    'notes',
    'created_at',
    'totp_secret_sealed',
    'totp_enabled_at',
    'totp_last_step',
    'recovery_code_hashes',
  ],
  api_keys: ['id', 'last_used_at', 'created_at'],
  accounts: [
    'id',
    'cooling_until',
    'cooling_reason',
    'model_cooling',
    'health',
    'last_used_at',
    'created_at',
    'oauth_access_expires_at',
    'proxy_host',
    'health_checked_at',
    'models_discovered',
  ],
}

async function seed({ sql }: FreshDatabase): Promise<void> {
  await sql`insert into users (email) values ('a@example.com')`
  await sql`insert into groups (name) values ('standard')`
  await sql`insert into accounts (name, provider, base_url, protocol, secret_sealed, secret_last4)
    values ('one', 'sandbox', 'http://127.0.0.1', 'chat', 's', '1234')`
  await sql`insert into api_keys (public_id, secret_hash, last4, user_id, group_id, name)
    values ('abcdefghij', 'h', '1234', 1, 1, 'key')`
}

test.each(Object.entries(QUIET_COLUMNS))(
  'a change of %s is told unless it is of a quiet column',
  async (table, quiet) => {
    await using fresh = await freshDatabase()
    const columns = await fresh.sql<{ name: string; told: boolean }[]>`
    select attname as name, attnum = any(tgattr::int2[]) as told
    from pg_attribute join pg_trigger on tgrelid = attrelid and tgname = 'notify_config_change'
    where attrelid = ${table}::regclass and attnum > 0 and not attisdropped`
    const untold = columns.filter(({ told }) => !told).map(({ name }) => name)
    expect(untold.toSorted()).toEqual(quiet.toSorted())
  },
)

test('every statement that changes configuration tells its table once', async () => {
  await using fresh = await freshDatabase()
  const heard: string[] = []
  const listener = await fresh.sql.listen('turnpike_config', (payload) => heard.push(payload))
  const steps: [string, () => PromiseLike<unknown>][] = [
    ['groups,accounts', () => seed(fresh)],
    ['accounts', () => fresh.sql`update accounts set priority = 10`],
    ['', () => fresh.sql`update accounts set cooling_until = now(), cooling_reason = 'x', last_used_at = now()`],
    ['', () => fresh.sql`update api_keys set last_used_at = now()`],
    ['users:1', () => fresh.sql`update users set status = 'disabled'`],
    ['api_keys:abcdefghij', () => fresh.sql`update api_keys set concurrency = 3`],
    ['groups', () => fresh.sql`update groups set name = 'other'`],
    ['account_groups', () => fresh.sql`insert into account_groups (account_id, group_id) values (1, 1)`],
    ['account_groups', () => fresh.sql`delete from account_groups`],
    ['user_groups', () => fresh.sql`insert into user_groups (user_id, group_id) values (1, 1)`],
    ['settings', () => fresh.sql`insert into settings (key, value) values ('a', '1')`],
    [
      'prices',
      () => fresh.sql`insert into prices (model, input_nano, output_nano, valid_from) values ('m', 1, 1, now())`,
    ],
  ]
  for (const [expected, step] of steps) {
    heard.length = 0
    await step()
    await flush(fresh, heard)
    expect(heard.join(',')).toBe(expected)
  }
  await listener.unlisten()
})

/** Notifications of one database arrive in order: when ours is there, all before it are. */
async function flush({ sql }: FreshDatabase, heard: string[]): Promise<void> {
  await sql.notify('turnpike_config', 'flush')
  await expect.poll(() => heard.at(-1), { interval: 5, timeout: 40_000 }).toBe('flush')
  heard.pop()
}
