import { accounts } from '@turnpike/db/schema'
import { eq } from 'drizzle-orm'
import { expect, test } from 'vitest'
import { sealAccountText } from '../../apps/server/src/shared/account-secrets.ts'
import { startHttpProxy } from '../../apps/server/src/shared/egress/__fixtures__/proxies.ts'
import { errorOf, type GatewayWorld, startGatewayWorld } from '../support/gateway-world.ts'
import { chatAnswer, sendJson, startRawUpstream } from '../support/raw-upstream.ts'

/** An upstream that takes some tokens, and its token endpoint. */
async function startProvider({
  takes = (_token: string): boolean => true,
  status = 200,
  error = 'invalid_client',
} = {}) {
  const granted: URLSearchParams[] = []
  const upstream = await startRawUpstream((response, { path, headers, body }) => {
    if (path === '/v1/token') {
      granted.push(new URLSearchParams(body))
      if (status !== 200) return sendJson(response, JSON.stringify({ error }), status)
      return sendJson(response, JSON.stringify({ access_token: `token-${granted.length}`, expires_in: 3_600 }))
    }
    const token = (headers.authorization ?? '').replace('Bearer ', '')
    if (takes(token)) sendJson(response, chatAnswer(token))
    else sendJson(response, '{"error":{"message":"expired"}}', 401)
  })
  return {
    ...upstream,
    granted,
    account: {
      baseUrl: upstream.baseUrl,
      protocol: 'chat' as const,
      auth: 'oauth2' as const,
      oauthGrant: 'client_credentials' as const,
      oauthTokenUrl: `${upstream.baseUrl}/token`,
      oauthClientId: 'client',
    },
    asked: () =>
      upstream.requests.filter(({ path }) => path !== '/v1/token').map(({ headers }) => headers.authorization),
  }
}

const said = ({ text }: { text: string }): string => JSON.parse(text).choices[0].message.content

test('requests go upstream under one access token, fetched with the client’s credentials', async () => {
  await using provider = await startProvider()
  await using world = await startGatewayWorld({ accounts: [provider.account] })
  const answers = await Promise.all(Array.from({ length: 20 }, () => world.chat()))
  expect(new Set(answers.map(said))).toEqual(new Set(['token-1']))
  expect(provider.granted.map((form) => Object.fromEntries(form))).toEqual([
    { grant_type: 'client_credentials', client_id: 'client', client_secret: 'upstream-secret' },
  ])
})

test('a token the upstream refuses is refreshed once, and the same account answers as if nothing had been', async () => {
  await using provider = await startProvider({ takes: (token) => token !== 'token-1' })
  await using world = await startGatewayWorld({ accounts: [provider.account] })
  const answer = await world.chat()
  expect([answer.status, said(answer), answer.headers.get('x-turnpike-attempts')]).toEqual([200, 'token-2', '1'])
  expect(said(await world.chat())).toBe('token-2')
  expect([provider.granted.length, await coolingOf(world)]).toEqual([2, null])
})

test('an account whose fresh token is refused too cools as any other', async () => {
  await using provider = await startProvider({ takes: () => false })
  await using world = await startGatewayWorld({ accounts: [provider.account] })
  expect(errorOf(await world.chat()).code).toBe('upstream_auth')
  expect(provider.asked()).toEqual(['Bearer token-1', 'Bearer token-2'])
  expect(errorOf(await world.chat()).code).toBe('no_available_accounts')
  expect(await coolingOf(world)).toBe('unauthorized')
})

test('a token endpoint that refuses counts as a 401, one that fails as an upstream out of reach; others answer', async () => {
  await using refusing = await startProvider({ status: 401 })
  await using failing = await startProvider({ status: 503 })
  await using world = await startGatewayWorld({
    accounts: [{ ...refusing.account, priority: 1 }, { ...failing.account, priority: 2 }, { priority: 3 }],
  })
  expect((await world.chat()).status).toBe(200)
  const [row] = await world.ledger()
  expect(row?.attempts.map(({ reason }) => reason)).toEqual(['upstream_auth', 'upstream_unreachable', null])
  expect([refusing.asked(), failing.asked()]).toEqual([[], []])
})

test('a refresh token that is worth nothing any more needs an administrator', async () => {
  await using provider = await startProvider({ status: 400, error: 'invalid_grant' })
  await using world = await startGatewayWorld({ accounts: [{ ...provider.account, oauthGrant: 'refresh_token' }] })
  expect(errorOf(await world.chat()).code).toMatch(/upstream_auth|no_available_accounts/)
  await expect
    .poll(() => world.sql`select status, status_reason from accounts`)
    .toEqual([{ status: 'error', status_reason: 'oauth_invalid_grant' }])
})

test('an account with a proxy is reached through it only; its token endpoint too', async () => {
  await using proxy = await startHttpProxy()
  await using provider = await startProvider()
  await using world = await startGatewayWorld({ accounts: [{ ...provider.account, status: 'disabled' }] })
  const way = (url: string) => setProxy(world, url)
  await way(`http://127.0.0.1:${proxy.port}`)
  expect((await world.chat()).status).toBe(200)
  const { host } = new URL(provider.baseUrl)
  expect(new Set(proxy.asked)).toEqual(new Set([host]))
  const before = provider.requests.length
  await way('http://127.0.0.1:1')
  expect(errorOf(await world.chat()).code).toBe('upstream_unreachable')
  await way('ftp://127.0.0.1:1')
  expect(errorOf(await world.chat()).code).toBe('upstream_unreachable')
  expect(provider.requests.length).toBe(before)
})

async function setProxy({ db, box, gateway, accountIds: [id = 0] }: GatewayWorld, url: string): Promise<void> {
  const proxySealed = sealAccountText(box, id, 'proxy_sealed', url)
  await db.update(accounts).set({ proxySealed, status: 'active' }).where(eq(accounts.id, id))
  await gateway.reload()
}

async function coolingOf({ gateway, sql }: GatewayWorld): Promise<string | null> {
  await gateway.recordAccounts()
  const [row] = await sql<{ reason: string | null }[]>`select cooling_reason as reason from accounts`
  return row?.reason ?? null
}
