import { describe, expect, test } from 'vitest'
import { type Answered, errorOf, type GatewayWorld, startGatewayWorld } from '../support/gateway-world.ts'
import { waitFor } from '../support/wait-for.ts'

/** A second on a machine of its own. */
const EFFECTIVE_WITHIN_MS = 10_000

async function codeNow(world: GatewayWorld): Promise<string | null> {
  const answer = await world.chat()
  return answer.status === 200 ? null : errorOf(answer).code
}

describe('a change in the database is effective within a second, for a key that is in use', () => {
  test.each([
    ['the key is revoked', "update api_keys set status = 'revoked'", 'invalid_api_key'],
    ['the key is disabled', "update api_keys set status = 'disabled'", 'invalid_api_key'],
    ['the key expires', "update api_keys set expires_at = now() - interval '1 s'", 'invalid_api_key'],
    ['the key is deleted', 'delete from api_keys', 'invalid_api_key'],
    ['the key has another secret', "update api_keys set secret_hash = repeat('0', 64)", 'invalid_api_key'],
    ['the key may use other models', "update api_keys set models = '{other}'", 'model_not_found'],
    ['the owner is disabled', "update users set status = 'disabled'", 'invalid_api_key'],
    ['the owner is archived', "update users set status = 'archived'", 'invalid_api_key'],
    ['the group is disabled', "update groups set status = 'disabled'", 'group_unavailable'],
    ['the group is archived', "update groups set status = 'archived'", 'group_unavailable'],
    ['the group may use other models', "update groups set models = '{other}'", 'model_not_found'],
    ['the account is taken out', 'update accounts set schedulable = false', 'no_available_accounts'],
    ['the account is disabled', "update accounts set status = 'disabled'", 'no_available_accounts'],
    ['the account is archived', "update accounts set status = 'archived'", 'model_not_found'],
    ['the account expires', "update accounts set expires_at = now() - interval '1 s'", 'no_available_accounts'],
    ['the account serves other models', "update accounts set models = '{other}'", 'model_not_found'],
    ['the account leaves the group', 'delete from account_groups', 'model_not_found'],
    ['the account moves away', "update accounts set base_url = 'http://127.0.0.1:1/v1'", 'upstream_unreachable'],
  ])('%s', async (_, change, code) => {
    await using world = await startGatewayWorld()
    expect(await codeNow(world)).toBeNull()
    await world.sql.unsafe(change)
    const changedAt = performance.now()
    await expect.poll(() => codeNow(world), { timeout: 20_000, interval: 20 }).toBe(code)
    expect(performance.now() - changedAt).toBeLessThan(EFFECTIVE_WITHIN_MS)
  })

  test('and a change back as well', async () => {
    await using world = await startGatewayWorld({ key: { status: 'disabled' } })
    expect(await codeNow(world)).toBe('invalid_api_key')
    await world.sql`update api_keys set status = 'active'`
    const changedAt = performance.now()
    await expect.poll(() => codeNow(world), { timeout: 20_000, interval: 20 }).toBeNull()
    expect(performance.now() - changedAt).toBeLessThan(EFFECTIVE_WITHIN_MS)
  })

  test('a key made a moment ago works at once, in a group made a moment ago too', async () => {
    await using world = await startGatewayWorld()
    const [group] = await world.sql<{ id: number }[]>`
      with made as (insert into groups (name) values ('new') returning id),
        linked as (update account_groups set group_id = (select id from made))
      select id::int from made`
    const apiKey = await world.addKey({ groupId: group?.id ?? 0 })
    expect((await world.chat({}, { apiKey })).status).toBe(200)
  })
})

test('what was changed together is read together', async () => {
  await using world = await startGatewayWorld()
  let reading: Promise<void> | undefined
  await world.sql.begin(async (tx) => {
    // The groups have to wait for this change; what else is read would be as it was before.
    await tx`lock table groups in access exclusive mode`
    reading = world.gateway.reload()
    await waitFor('the reading to wait', () => isSomebodyWaiting(world), 5_000)
    const [made] = await tx<{ id: number }[]>`insert into groups (name) values ('new') returning id::int`
    for (const table of ['account_groups', 'api_keys']) await tx`update ${tx(table)} set group_id = ${made?.id ?? 0}`
  })
  await reading
  expect(await codeNow(world)).toBeNull()
})

async function isSomebodyWaiting({ sql }: GatewayWorld): Promise<boolean> {
  return (await sql`select from pg_stat_activity where wait_event_type = 'Lock' and query like '%groups%'`).length > 0
}

test('a key in use needs no database', async () => {
  await using world = await startGatewayWorld()
  expect(await codeNow(world)).toBeNull()
  await world.sql.begin(async (tx) => {
    await tx`lock table api_keys, users, groups, accounts in access exclusive mode`
    const answers = await Promise.all(Array.from({ length: 50 }, () => codeNow(world)))
    expect(new Set(answers)).toEqual(new Set([null]))
  })
})

test('what is wrong with a key is told to nobody: all refusals are the same byte for byte', async () => {
  const ask = async (options: Parameters<typeof startGatewayWorld>[0], key?: (own: string) => string | null) => {
    await using world = await startGatewayWorld(options)
    return await world.chat({}, { apiKey: key === undefined ? world.key : key(world.key) })
  }
  const past = new Date(Date.now() - 1_000)
  const answers = await Promise.all([
    ask({ key: { status: 'revoked' } }),
    ask({ key: { status: 'disabled' } }),
    ask({ key: { expiresAt: past } }),
    ask({ user: { status: 'disabled' } }),
    ask({ user: { status: 'archived' } }),
    ask({}, () => null),
    ask({}, () => ''),
    ask({}, () => 'sk-nonsense'),
    ask({}, () => `tp-aaaaaaaaaa-${'A'.repeat(43)}`),
    ask({}, (key) => `${key.slice(0, -4)}AAAA`),
    ask({}, (key) => key.slice(0, -1)),
    ask({}, (key) => key.toUpperCase()),
  ])
  expect(new Set(answers.map(told)).size).toBe(1)
  expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 401))
})

/** All of an answer but what differs between any two. */
function told(answer: Answered | undefined): string {
  const own = new Set(['x-request-id', 'date', 'server-timing', 'openai-processing-ms'])
  const headers = [...(answer?.headers ?? [])].filter(([name]) => !own.has(name))
  return JSON.stringify([answer?.status, headers, answer?.text])
}

describe('a key is taken from where clients put it', () => {
  test.each<[string, (key: string) => Record<string, string>]>([
    ['a bearer token', (key) => ({ authorization: `Bearer ${key}` })],
    ['a bearer token in small letters', (key) => ({ authorization: `bearer ${key}` })],
    ['x-api-key', (key) => ({ 'x-api-key': key })],
    ['api-key', (key) => ({ 'api-key': key })],
  ])('%s', async (_, headers) => {
    await using world = await startGatewayWorld()
    expect((await world.chat({}, { apiKey: null, headers: headers(world.key) })).status).toBe(200)
  })
})
