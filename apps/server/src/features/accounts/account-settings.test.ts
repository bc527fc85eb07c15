import { auditLog } from '@turnpike/db/schema'
import { expect, test } from 'vitest'
import { hashOfEntry } from '../../shared/audit.ts'
import { type TrpcWorld, trpcWorld } from '../../testing/trpc-world.ts'
import type { Account } from './account.ts'

const OAUTH = { grant: 'refresh_token', tokenUrl: 'https://login.provider.com/token', clientId: 'client' }
const INPUT = {
  name: 'a',
  provider: 'openai-compatible',
  baseUrl: 'https://api.provider.com',
  models: ['m'],
  auth: 'oauth2',
  oauth: { ...OAUTH, refreshToken: 'planted-refresh' },
  proxy: 'socks5://planted-user:planted-password@proxy.provider.com',
  extraHeaders: { 'x-team': 'planted-header' },
  healthCheck: { minutes: 5, recovers: true },
  expiresAt: '2030-01-01T00:00:00Z',
}

async function create(world: TrpcWorld, input: object = {}) {
  const { cookie } = await world.signIn('admin')
  const answer = await world.post('accounts.create', { cookie, input: { ...INPUT, ...input } })
  const update = (changes: object) =>
    world.post('accounts.update', { cookie, input: { id: (answer.data as Account).id, ...changes } })
  return { cookie, answer, account: answer.data as Account, update }
}

test('how an account is reached is shown without any of its secrets, and none is stored open or in the audit log', async () => {
  await using world = await trpcWorld()
  const { answer, account } = await create(world)
  expect(account).toMatchObject({
    auth: 'oauth2',
    oauth: { ...OAUTH, scope: null, expiresAt: null },
    proxyHost: 'proxy.provider.com:1080',
    extraHeaderNames: ['x-team'],
    healthCheck: { minutes: 5, recovers: true, lastAt: null },
  })
  const stored = await world.database.sql`select to_jsonb(a) as a, to_jsonb(l) as l from accounts a, audit_log l`
  for (const text of [answer.text, JSON.stringify(stored)]) expect(text).not.toContain('planted')
})

test('every change is in the audit log, by its procedure, with an intact chain', async () => {
  await using world = await trpcWorld()
  const { cookie, account, update } = await create(world)
  await update({ name: 'b', secret: 'sk-planted-secret-1234', expiresAt: null })
  for (const [path, input] of [
    ['setSchedulable', { schedulable: false }],
    ['clearState', {}],
    ['archive', {}],
  ] as const) {
    await world.post(`accounts.${path}`, { cookie, input: { id: account.id, ...input } })
  }
  const rows = await world.database.db.select().from(auditLog).orderBy(auditLog.id)
  const ours = rows.filter(({ targetType }) => targetType === 'account')
  expect(ours.map(({ action }) => action)).toEqual([
    'accounts.create',
    'accounts.update',
    'accounts.setSchedulable',
    'accounts.clearState',
    'accounts.archive',
  ])
  expect(ours[1]?.change).toEqual({ name: 'b', secret: 'replaced', expiresAt: null })
  for (const row of rows) expect(hashOfEntry(row)).toBe(row.hash)
})

test('a change that fails leaves no entry in the audit log', async () => {
  await using world = await trpcWorld()
  const { update } = await create(world)
  expect((await update({ groupPriorities: [{ groupId: 99, priority: 1 }] })).status).toBe(404)
  expect(await world.database.sql`select action from audit_log where target_type = 'account'`).toHaveLength(1)
})

test('new credentials void the token that was fetched with the old ones; other changes leave it', async () => {
  await using world = await trpcWorld()
  const { update } = await create(world)
  const token = async () => {
    const [row] = await world.database
      .sql`select oauth_access_sealed as sealed, oauth_generation as generation from accounts`
    return row
  }
  await world.database.sql`update accounts set oauth_access_sealed = 'sealed', oauth_generation = 3`
  await update({ name: 'b' })
  expect(await token()).toEqual({ sealed: 'sealed', generation: 3 })
  await update({ oauth: { ...OAUTH, clientId: 'other' } })
  expect(await token()).toEqual({ sealed: null, generation: 4 })
  expect((await update({ oauth: OAUTH })).data).toMatchObject({ oauth: { clientId: 'client' } })
})

test('a proxy is replaced and cleared; left out it stays', async () => {
  await using world = await trpcWorld()
  const { update } = await create(world)
  expect((await update({ name: 'b' })).data).toMatchObject({ proxyHost: 'proxy.provider.com:1080' })
  expect((await update({ proxy: 'http://1.1.1.1:3128' })).data).toMatchObject({ proxyHost: '1.1.1.1:3128' })
  expect((await update({ proxy: null })).data).toMatchObject({ proxyHost: null })
})

test('an account may have a priority of its own in some of its groups', async () => {
  await using world = await trpcWorld()
  const groups = await Promise.all(['a', 'b'].map((name) => world.services.groups.create({ name })))
  const groupIds = groups.map(({ id }) => id).sort((a, b) => a - b)
  const groupPriorities = [{ groupId: groupIds[1], priority: 7 }]
  const { account, update } = await create(world, { groupIds, groupPriorities })
  expect(account).toMatchObject({ groupIds, groupPriorities })
  expect((await update({ name: 'b' })).data).toMatchObject({ groupPriorities })
  expect((await update({ groupPriorities: [] })).data).toMatchObject({ groupIds, groupPriorities: [] })
})

test.each([
  [{ oauth: undefined }, 'oauth'],
  [{ auth: 'api_key', secret: 'sk-secret-secret' }, 'oauth'],
  [{ oauth: OAUTH }, 'oauth.refreshToken'],
  [{ oauth: { ...OAUTH, grant: 'client_credentials' } }, 'secret'],
  [{ oauth: { ...OAUTH, grant: 'password' } }, 'oauth.grant'],
  [{ healthCheck: { minutes: 0 } }, 'healthCheck.minutes'],
])('an account with %j is refused at %s', async (input, field) => {
  await using world = await trpcWorld()
  const { answer } = await create(world, input)
  expect(answer).toMatchObject({ status: 400, error: { data: { field } } })
})

test.each(['oauth.tokenUrl', 'proxy'])('a %s that may not be reached is refused', async (field) => {
  const refuse = (url: string) =>
    url.includes('login') || url.includes('proxy') ? Promise.reject(new Error('no')) : Promise.resolve()
  await using world = await trpcWorld({
    egress: { [field === 'proxy' ? 'checkProxy' : 'checkUrl']: refuse },
  })
  expect((await create(world)).answer).toMatchObject({
    status: 400,
    error: { data: { reason: 'unsafe_destination', field } },
  })
})

test('events are listed newest first, page by page', async () => {
  await using world = await trpcWorld()
  const { cookie, account } = await create(world)
  await world.database.sql`insert into account_events (account_id, kind, reason, at)
    select ${account.id}, 'cooling', 'r' || n, now() - interval '1 minute' * (n / 2) from generate_series(1, 5) n`
  const seen: unknown[] = []
  let cursor: string | null = null
  do {
    const page = await world.get('accounts.events', { cookie, input: { id: account.id, limit: 2, cursor } })
    const { items, nextCursor } = page.data as { items: { reason: string }[]; nextCursor: string | null }
    seen.push(items.map(({ reason }) => reason))
    cursor = nextCursor
  } while (cursor !== null)
  expect(seen).toEqual([['r1', 'r3'], ['r2', 'r5'], ['r4']])
})
