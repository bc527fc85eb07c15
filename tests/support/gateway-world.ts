import { randomBytes, randomUUID } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Outcome } from '@turnpike/core/gateway/outcome'
import type { Clock } from '@turnpike/core/gateway/ports'
import { accountGroups, accounts, apiKeys, balanceChanges, groups, usageLogs, users } from '@turnpike/db/schema'
import { freshDatabase } from '@turnpike/db/testing'
import { createSandbox, type Sandbox } from '@turnpike/sandbox'
import { eq } from 'drizzle-orm'
import { afterAll, beforeAll } from 'vitest'
import { createApp, createAppServer } from '../../apps/server/src/app.ts'
import { createAccessTokens } from '../../apps/server/src/features/accounts/tokens/access-tokens.ts'
import { createTokenEndpoint } from '../../apps/server/src/features/accounts/tokens/token-endpoint.ts'
import { openGateway } from '../../apps/server/src/features/gateway/gateway.ts'
import { createClientAddress } from '../../apps/server/src/http/client-address.ts'
import { sealAccountSecret } from '../../apps/server/src/shared/account-secrets.ts'
import { API_KEY_BYTES, apiKeyPepper, hashApiKey, makeApiKey } from '../../apps/server/src/shared/api-key.ts'
import { createEgress } from '../../apps/server/src/shared/egress/egress.ts'
import { listen } from '../../apps/server/src/shared/listen.ts'
import { silentLog } from '../../apps/server/src/shared/logger.ts'
import { createSecretBox } from '../../apps/server/src/shared/secret-box.ts'
import { systemClock } from '../../apps/server/src/shared/system-clock.ts'

type AccountValues = Partial<typeof accounts.$inferInsert>

interface WorldOptions {
  /** One sandbox account each; default: one. `baseUrl` replaces the sandbox. */
  accounts?: AccountValues[]
  group?: Partial<typeof groups.$inferInsert>
  user?: Partial<typeof users.$inferInsert>
  key?: Partial<typeof apiKeys.$inferInsert>
  maxBodyBytes?: number
  keepAliveMs?: number
  corsOrigins?: string[]
  clock?: Clock
}

export interface Answered {
  status: number
  headers: Headers
  text: string
}

export type GatewayWorld = Awaited<ReturnType<typeof startGatewayWorld>>

/** The gateway in this process: a database and sandboxes of its own, one user, one group, one key. */
export async function startGatewayWorld(options: WorldOptions = {}) {
  const stack = new AsyncDisposableStack()
  const database = stack.use(await freshDatabase())
  const { db, sql } = database
  const box = createSecretBox(randomBytes(32))
  const dataDir = mkdtempSync(join(tmpdir(), 'turnpike-gateway-'))
  stack.defer(() => rmSync(dataDir, { recursive: true, force: true }))

  const wanted = options.accounts ?? [{}]
  const sandboxes: Sandbox[] = []
  for (const _ of wanted) {
    const sandbox = await createSandbox()
    sandboxes.push(sandbox)
    stack.defer(() => sandbox.close())
  }
  const [user] = await db
    .insert(users)
    .values({ email: 'user@example.com', concurrency: 100, ...options.user })
    .returning()
  const [group] = await db
    .insert(groups)
    .values({ name: 'group', ...options.group })
    .returning()
  if (user === undefined || group === undefined) throw new Error('the world has no user or group')
  const { balanceNano } = user
  if (balanceNano !== 0n) {
    await db.insert(balanceChanges).values({ userId: user.id, kind: 'adjustment', amountNano: balanceNano })
  }
  const key = await addKey(options.key)
  const accountIds: number[] = []
  for (const [index, values] of wanted.entries()) accountIds.push(await addAccount(values, sandboxes[index]))

  /** One more key of the user in the group, unless `values` say otherwise. */
  async function addKey(values: Partial<typeof apiKeys.$inferInsert> = {}): Promise<string> {
    const { key, publicId, last4 } = makeApiKey(randomBytes(API_KEY_BYTES))
    await db.insert(apiKeys).values({
      publicId,
      last4,
      secretHash: hashApiKey(apiKeyPepper(box), key),
      userId: user?.id ?? 0,
      groupId: group?.id ?? 0,
      name: 'key',
      ...values,
    })
    return key
  }

  async function addAccount(values: AccountValues, sandbox: Sandbox | undefined): Promise<number> {
    const row = {
      name: 'account',
      provider: 'sandbox' as const,
      baseUrl: `${sandbox?.url}/v1`,
      protocol: 'responses+chat' as const,
      secretSealed: '',
      secretLast4: 'none',
      concurrency: 100,
      ...values,
    }
    const [account] = await db.insert(accounts).values(row).returning({ id: accounts.id })
    if (account === undefined) throw new Error('the world has no account')
    const secretSealed = sealAccountSecret(box, account.id, 'upstream-secret')
    await db.update(accounts).set({ secretSealed }).where(eq(accounts.id, account.id))
    await db.insert(accountGroups).values({ accountId: account.id, groupId: group?.id ?? 0 })
    return account.id
  }

  const egress = createEgress({ privateUpstreams: ['127.0.0.0/8'] })
  stack.defer(() => egress.close())
  const outcomes: Outcome[] = []
  const clock = options.clock ?? systemClock
  async function openInstance() {
    const askForToken = createTokenEndpoint({ egress })
    const tokens = createAccessTokens({ sql, box, askForToken, clock, log: silentLog })
    stack.defer(() => tokens.close())
    const gateway = await openGateway({
      db: database,
      box,
      egress,
      tokens,
      clientAddress: createClientAddress([]),
      clock,
      journalDir: join(dataDir, randomUUID()),
      bootId: randomUUID(),
      journalMaxBytes: 64 * 1024 * 1024,
      maxBodyBytes: options.maxBodyBytes ?? 67_108_864,
      corsOrigins: options.corsOrigins ?? [],
      ...(options.keepAliveMs !== undefined && { keepAliveMs: options.keepAliveMs }),
      onOutcome: (outcome) => void outcomes.push(outcome),
      onRefused() {},
      log: silentLog,
    })
    stack.defer(() => gateway.close())
    const app = createApp({
      gateway: gateway.routes,
      trpc: (_request, response) => void response.status(404).end(),
      metrics: (_request, response) => void response.status(404).end(),
      exports: (_request, response) => void response.status(404).end(),
      isAllowedHost: () => true,
      panelDir: dataDir,
      onFault() {},
      readiness: () => ({ isReady: gateway.isServing(), missing: gateway.missing() }),
      log: silentLog,
    })
    const server = createAppServer(app, { gateway: gateway.routes, onFault() {}, log: silentLog })
    const { port } = await listen(server, '127.0.0.1', 0)
    const origin = `http://127.0.0.1:${port}`
    stack.defer(() => {
      server.close()
      server.closeAllConnections()
    })
    return { gateway, origin }
  }

  const { gateway, origin } = await openInstance()

  type Init = RequestInit & { apiKey?: string | null }

  function request(path: string, init: Init = {}): Promise<Answered> {
    return requestOf(origin, path, init)
  }

  async function requestOf(at: string, path: string, init: Init): Promise<Answered> {
    const { apiKey = key, ...rest } = init
    const headers = { ...(apiKey === null ? {} : { authorization: `Bearer ${apiKey}` }), ...rest.headers }
    const response = await fetch(`${at}${path}`, { method: 'POST', ...rest, headers })
    return { status: response.status, headers: response.headers, text: await response.text() }
  }

  /** A gateway on the same database that remembers nothing, as after a restart; what it is asked by. */
  async function restarted(): Promise<typeof request> {
    const again = await openInstance()
    return (path, init = {}) => requestOf(again.origin, path, init)
  }

  /** Rows of the ledger once nothing runs and everything is shipped, oldest first. */
  async function ledger() {
    await gateway.drained(10_000)
    await gateway.flush()
    return db.select().from(usageLogs).orderBy(usageLogs.createdAt, usageLogs.requestId)
  }

  return {
    origin,
    key,
    addKey,
    addAccount,
    box,
    db,
    sql,
    gateway,
    sandboxes,
    accountIds,
    userId: user.id,
    groupId: group.id,
    outcomes,
    request,
    restarted,
    ledger,
    chat: (body: object = {}, init: Parameters<typeof request>[1] = {}) =>
      request('/v1/chat/completions', {
        body: JSON.stringify({ model: 'sandbox-small', messages: [{ role: 'user', content: 'Hello' }], ...body }),
        ...init,
      }),
    responses: (body: object = {}, init: Parameters<typeof request>[1] = {}) =>
      request('/v1/responses', { body: JSON.stringify({ model: 'sandbox-small', input: 'Hello', ...body }), ...init }),
    setFault: (fault: Parameters<Sandbox['setFault']>[0], index = 0) => sandboxes[index]?.setFault(fault),
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  }
}

/** One world for the tests of a `describe`, where none leaves anything behind that another would see. */
export function sharedGatewayWorld(options?: WorldOptions): () => GatewayWorld {
  let world: GatewayWorld | undefined
  beforeAll(async () => {
    world = await startGatewayWorld(options)
  })
  afterAll(() => world?.[Symbol.asyncDispose]())
  return () => {
    if (world === undefined) throw new Error('the shared world is there while tests run')
    return world
  }
}

/** What an error answer says. */
export function errorOf({ text }: Pick<Answered, 'text'>): {
  message: string
  type: string
  param: string | null
  code: string | null
} {
  return JSON.parse(text).error
}
