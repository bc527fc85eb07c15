import { accounts } from '@turnpike/db/schema'
import { freshDatabase } from '@turnpike/db/testing'
import { eq } from 'drizzle-orm'
import { expect, test } from 'vitest'
import { openAccountText, sealAccountSecret, sealAccountText } from '../../../shared/account-secrets.ts'
import { silentLog } from '../../../shared/logger.ts'
import { createSecretBox } from '../../../shared/secret-box.ts'
import { createAccessTokens } from './access-tokens.ts'
import { type TokenAnswer, TokenError, type TokenRequest } from './token-endpoint.ts'

const MINUTE = 60_000
const box = createSecretBox(Buffer.alloc(32, 3))

type Ask = (request: TokenRequest, times: number) => Promise<TokenAnswer>

/** A database with one account, and instances that each ask the same endpoint. */
async function tokenWorld(ask: Ask = answer) {
  const stack = new AsyncDisposableStack()
  const database = stack.use(await freshDatabase())
  const { db } = database
  const [row] = await db
    .insert(accounts)
    .values({
      name: 'a',
      provider: 'openai-compatible',
      baseUrl: 'https://api.provider.com/v1',
      protocol: 'chat',
      auth: 'oauth2',
      secretSealed: '',
      secretLast4: '',
      oauthGrant: 'refresh_token',
      oauthTokenUrl: 'https://login.provider.com/token',
      oauthClientId: 'client',
      oauthScope: 'models',
    })
    .returning()
  const id = row?.id ?? 0
  await db
    .update(accounts)
    .set({
      secretSealed: sealAccountSecret(box, id, 'client-secret'),
      oauthRefreshSealed: sealAccountText(box, id, 'oauth_refresh_sealed', 'refresh-0'),
    })
    .where(eq(accounts.id, id))
  const asked: TokenRequest[] = []
  let nowMs = Date.now()
  async function stored() {
    const [account] = await db.select().from(accounts).where(eq(accounts.id, id))
    if (account === undefined) throw new Error('the account is there')
    return account
  }
  function instance() {
    const tokens = createAccessTokens({
      sql: database.sql,
      box,
      askForToken(request) {
        asked.push(request)
        return ask(request, asked.length)
      },
      clock: { now: () => nowMs },
      log: silentLog,
    })
    stack.defer(() => tokens.close())
    async function learn() {
      const { oauthGeneration, oauthAccessSealed, oauthAccessExpiresAt } = await stored()
      const value = openAccountText(box, id, 'oauth_access_sealed', oauthAccessSealed)
      const expiresAtMs = oauthAccessExpiresAt?.getTime() ?? 0
      tokens.learn([{ id, isInUse: true, generation: oauthGeneration, value, expiresAtMs }])
    }
    return { ...tokens, learn }
  }
  return {
    id,
    database,
    asked,
    stored,
    instance,
    refreshToken: async () => openAccountText(box, id, 'oauth_refresh_sealed', (await stored()).oauthRefreshSealed),
    pass(ms: number) {
      nowMs += ms
    },
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  }
}

async function answer(_request: TokenRequest, times: number): Promise<TokenAnswer> {
  return { accessToken: `access-${times}`, lifetimeMs: 60 * MINUTE, refreshToken: `refresh-${times}` }
}

test('all who ask at once, on every instance, get the token of one refresh', async () => {
  await using world = await tokenWorld()
  const instances = [world.instance(), world.instance(), world.instance()]
  const tokens = await Promise.all(instances.flatMap(({ fresh }) => [fresh(world.id, -1), fresh(world.id, -1)]))
  expect(new Set(tokens.map(({ value }) => value))).toEqual(new Set(['access-1']))
  expect(world.asked).toEqual([
    {
      grant: 'refresh_token',
      tokenUrl: 'https://login.provider.com/token',
      clientId: 'client',
      clientSecret: 'client-secret',
      scope: 'models',
      refreshToken: 'refresh-0',
      proxy: null,
    },
  ])
})

test('a rotated refresh token is stored, sealed, and used for the next refresh', async () => {
  await using world = await tokenWorld()
  const { fresh } = world.instance()
  const first = await fresh(world.id, -1)
  expect(await world.refreshToken()).toBe('refresh-1')
  await fresh(world.id, first.generation)
  expect(world.asked.map(({ refreshToken }) => refreshToken)).toEqual(['refresh-0', 'refresh-1'])
  expect(JSON.stringify(await world.database.sql`select * from accounts`)).not.toMatch(/access-|refresh-\d/)
})

test('an endpoint that rotates nothing leaves the refresh token as it is', async () => {
  await using world = await tokenWorld(async () => ({ accessToken: 'a', lifetimeMs: MINUTE, refreshToken: null }))
  await world.instance().fresh(world.id, -1)
  expect(await world.refreshToken()).toBe('refresh-0')
})

test('a token is renewed ahead of its expiry, in the background, and only when it is due', async () => {
  await using world = await tokenWorld()
  const { fresh, renewDue, current, learn } = world.instance()
  await learn()
  await fresh(world.id, -1)
  world.pass(54 * MINUTE)
  await renewDue()
  expect(world.asked).toHaveLength(1)
  world.pass(2 * MINUTE)
  expect(current(world.id)?.value).toBe('access-1')
  await renewDue()
  expect(current(world.id)?.value).toBe('access-2')
})

test('a token about to expire goes upstream no more', async () => {
  await using world = await tokenWorld()
  const { fresh, current } = world.instance()
  await fresh(world.id, -1)
  world.pass(60 * MINUTE - 5_000)
  expect(current(world.id)).toBeNull()
})

test('what another instance fetched is known as soon as the configuration tells of it', async () => {
  await using world = await tokenWorld()
  const [one, other] = [world.instance(), world.instance()]
  await one.fresh(world.id, -1)
  await other.learn()
  expect(other.current(world.id)?.value).toBe('access-1')
  expect(world.asked).toHaveLength(1)
})

test('invalid_grant puts the account into error, once, for people to see', async () => {
  await using world = await tokenWorld(() => Promise.reject(new TokenError('refused', 'invalid_grant')))
  const { fresh, isRefused } = world.instance()
  for (let time = 0; time < 2; time++) {
    expect(await fresh(world.id, -1).catch(isRefused)).toBe(true)
  }
  expect(await world.stored()).toMatchObject({ status: 'error', statusReason: 'oauth_invalid_grant' })
  expect(await world.database.sql`select kind, reason from account_events`).toEqual([
    { kind: 'error', reason: 'oauth_invalid_grant' },
  ])
})

test('invalid_grant reads again before it gives up: a successor somebody stored meanwhile is taken', async () => {
  const world = await tokenWorld(async () => {
    const sealed = sealAccountText(box, world.id, 'oauth_access_sealed', 'from elsewhere')
    await world.database.sql`update accounts set oauth_access_sealed = ${sealed},
      oauth_access_expires_at = now() + interval '1 hour', oauth_generation = oauth_generation + 1`
    throw new TokenError('refused', 'invalid_grant')
  })
  await using _ = world
  expect((await world.instance().fresh(world.id, -1)).value).toBe('from elsewhere')
  expect(await world.stored()).toMatchObject({ status: 'active' })
})

test('an endpoint that fails is asked again later and later, and never refuses anybody for good', async () => {
  await using world = await tokenWorld(() => Promise.reject(new TokenError('unavailable', 'status_503')))
  const { learn, renewDue, fresh, isRefused } = world.instance()
  await learn()
  await renewDue()
  await renewDue()
  expect(world.asked).toHaveLength(1)
  world.pass(5_000)
  await renewDue()
  world.pass(5_000)
  await renewDue()
  expect(world.asked).toHaveLength(2)
  expect(await fresh(world.id, -1).catch(isRefused)).toBe(false)
  expect(await world.stored()).toMatchObject({ status: 'active' })
})

test('a refresh that is superseded while the endpoint answers writes nothing over it', async () => {
  const world = await tokenWorld(async (request, times) => {
    await world.database.sql`update accounts set oauth_generation = oauth_generation + 1`
    return answer(request, times)
  })
  await using _ = world
  await expect(world.instance().fresh(world.id, -1)).rejects.toThrow('replaced')
  expect(await world.refreshToken()).toBe('refresh-0')
  expect(world.asked).toHaveLength(1)
})
