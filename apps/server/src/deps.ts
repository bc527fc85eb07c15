import { randomUUIDv7 } from 'node:crypto'
import type { Server } from 'node:http'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { createDb, migrate, openInstanceLock } from '@turnpike/db'
import { createSandbox } from '@turnpike/sandbox'
import { createApp, createAppServer } from './app.ts'
import { createTrpc } from './create-trpc.ts'
import type { Env } from './env.ts'
import { createHealthChecks } from './features/accounts/health-checks.ts'
import { createAccessTokens } from './features/accounts/tokens/access-tokens.ts'
import { createTokenEndpoint } from './features/accounts/tokens/token-endpoint.ts'
import { openGateway } from './features/gateway/gateway.ts'
import { createLiveFeed } from './features/ops/live-feed.ts'
import { createClientAddress } from './http/client-address.ts'
import { createEgress } from './shared/egress/egress.ts'
import { openEmbeddedDatabase } from './shared/embedded-database.ts'
import { every } from './shared/every.ts'
import { instanceIdOf } from './shared/instance-id.ts'
import type { Log } from './shared/logger.ts'
import { openRedis } from './shared/redis.ts'
import { createSecretBox } from './shared/secret-box.ts'
import { loadSecretKey } from './shared/secret-key.ts'
import { assertSecretKeyFits } from './shared/secret-key-check.ts'
import { createSecretRotation } from './shared/secret-rotation.ts'
import { systemClock } from './shared/system-clock.ts'

const PANEL_DIR = fileURLToPath(new URL('../../admin/build', import.meta.url))

const GATEWAY_STATEMENT_MS = 5_000
/** While the master key is being replaced: instances that still seal under the old one may be there for a while. */
const RESEAL_EVERY_MS = 60_000

export type Deps = Awaited<ReturnType<typeof openDeps>>

/**
 * The whole server, put together and not yet listening: database, sandbox, gateway, tRPC, app. What is opened here is
 * closed by `opened`, last in, first out.
 */
export async function openDeps(env: Env, log: Log, opened: AsyncDisposableStack, onStep: (step: string) => void) {
  const key = loadSecretKey({
    key: env.secretKey,
    file: env.secretKeyFile,
    dataDir: env.dataDir,
    mayGenerate: env.profile === 'quickstart',
  })
  const box = createSecretBox(key, env.secretKeyPrevious)
  onStep('starting the database')
  const databaseUrl = env.databaseUrl ?? (await startDatabase(env, log, opened))
  await migrate(databaseUrl)
  const bootId = randomUUIDv7()
  const instanceId = instanceIdOf(env.dataDir)
  const redis = env.redis ? await openRedis(env.redis, log) : null
  if (redis) opened.defer(() => redis.close())
  const instance = await openInstanceLock({
    url: databaseUrl,
    bootId,
    isShared: redis !== null,
    onTaken: () =>
      log.error({}, 'another instance serves on this database: requests are refused here until it has left'),
    onRegained: () => log.info({}, 'no other instance serves on this database any more: requests are taken again'),
  })
  opened.defer(() => instance.release())
  const db = createDb({ url: databaseUrl, applicationName: 'turnpike' })
  opened.defer(() => db.close())
  await assertSecretKeyFits(db.sql, box)
  // Of its own, so that a heavy question of the panel never stands before the ledger, and nothing waits for a frozen server.
  const gatewayDb = createDb({
    url: databaseUrl,
    applicationName: 'turnpike gateway',
    statementTimeoutMs: GATEWAY_STATEMENT_MS,
  })
  opened.defer(() => gatewayDb.close())

  const sandbox = env.sandbox ? await createSandbox({ keepRequests: 0 }) : null
  if (sandbox) opened.defer(() => sandbox.close())
  const egress = createEgress({
    privateUpstreams: sandbox ? [...env.privateUpstreams, `127.0.0.1:${sandbox.port}`] : env.privateUpstreams,
  })
  opened.defer(() => egress.close())

  onStep('opening the gateway')
  const clientAddress = createClientAddress(env.trustedProxies)
  const gauges = { read: () => ({ inFlight: 0, waiters: 0, openStreams: 0, accountsAvailable: 0, accountsTotal: 0 }) }
  const live = createLiveFeed({ clock: systemClock, gauges: () => gauges.read(), instanceId })
  opened.defer(() => live.close())
  const tokens = createAccessTokens({
    sql: db.sql,
    box,
    askForToken: createTokenEndpoint({ egress }),
    clock: systemClock,
    log,
  })
  opened.defer(() => tokens.close())
  const gateway = await openGateway({
    db: gatewayDb,
    reportDb: db,
    box,
    egress,
    tokens,
    clientAddress,
    redis,
    clock: systemClock,
    journalDir: join(env.dataDir, 'journal'),
    bootId,
    mayAdmit: () => !instance.isTaken(),
    instances: instance.count,
    journalMaxBytes: env.journalMaxBytes,
    maxBodyBytes: env.gatewayMaxBodyBytes,
    corsOrigins: env.corsOrigins,
    onOutcome: live.record,
    onRefused: live.recordRefusal,
    log,
  })
  gauges.read = gateway.gauges
  opened.defer(() => gateway.close())

  const trpc = createTrpc({
    database: db,
    box,
    clock: systemClock,
    log,
    egress,
    runtime: gateway.accountRuntime,
    tokens,
    live,
    sandboxBaseUrl: () => (sandbox ? `${sandbox.url}/v1` : null),
    panelUrl: () => env.publicUrl ?? listeningUrl(server, env.host),
    env,
  })
  const healthChecks = createHealthChecks({
    sql: db.sql,
    clock: systemClock,
    test: trpc.services.accounts.test,
    clear: gateway.accountRuntime.clear,
    log,
  })
  opened.defer(() => healthChecks.close())
  if (env.secretKeyPrevious) {
    const rotation = createSecretRotation({ sql: db.sql, box, log })
    const resealing = every(RESEAL_EVERY_MS, rotation.run, log)
    opened.defer(() => resealing.stop())
  }
  let isListening = false
  const app = createApp({
    gateway: gateway.routes,
    trpc: trpc.httpHandler,
    exports: trpc.exportsHandler,
    isAllowedHost: trpc.isAllowedHost,
    panelDir: PANEL_DIR,
    readiness: () => ({ isReady: isListening && gateway.isServing(), missing: gateway.missing() }),
    log,
  })
  const server = createAppServer(app)
  server.on('upgrade', trpc.upgrade)
  server.on('listening', () => {
    isListening = true
  })
  return {
    db: db.db,
    box,
    instance,
    gateway,
    trpc,
    server,
    sandboxUrl: sandbox ? `${sandbox.url}/v1` : null,
  }
}

async function startDatabase(env: Env, log: Log, opened: AsyncDisposableStack): Promise<string> {
  if (env.profile === 'production') {
    log.warn({}, 'DATABASE_URL is not set: the embedded PostgreSQL is used, which cannot be shared or replicated')
  }
  const postgres = await openEmbeddedDatabase(join(env.dataDir, 'postgres'), log)
  opened.defer(() => postgres.close())
  return postgres.url
}

/** Where the server listens, as somebody on this machine or in its network writes it. */
function listeningUrl(server: Server, host: string): string {
  const address = server.address()
  const port = typeof address === 'object' && address !== null ? address.port : 0
  return `http://${host === '0.0.0.0' || host === '::' ? 'localhost' : host}:${port}`
}
