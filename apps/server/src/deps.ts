import { randomUUIDv7 } from 'node:crypto'
import type { Server } from 'node:http'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { migrate, openInstanceLock } from '@turnpike/db'
import { createSandbox } from '@turnpike/sandbox'
import { createApp, createAppServer } from './app.ts'
import { createTrpc } from './create-trpc.ts'
import { databaseUrlOf, openDatabases } from './databases.ts'
import type { Env } from './env.ts'
import { createHealthChecks } from './features/accounts/health-checks.ts'
import { createAccessTokens } from './features/accounts/tokens/access-tokens.ts'
import { createTokenEndpoint } from './features/accounts/tokens/token-endpoint.ts'
import { enqueueNotices } from './features/alerts/delivery/enqueue-notices.ts'
import { alertsJob } from './features/alerts/evaluation/alerts-job.ts'
import { createJudging } from './features/alerts/judging.ts'
import { openGateway } from './features/gateway/gateway.ts'
import { createJobs } from './features/ops/jobs/jobs.ts'
import { opsJobs } from './features/ops/jobs/ops-jobs.ts'
import { openOps } from './features/ops/open-ops.ts'
import { createCountsSource } from './features/ops/queries/source.ts'
import { createMetricsHandler } from './features/ops/telemetry/metrics-handler.ts'
import type { Telemetry, TelemetryOptions } from './features/ops/telemetry/otlp/telemetry.ts'
import { createClientAddress } from './http/client-address.ts'
import { createEgress } from './shared/egress/egress.ts'
import { every, type Loop } from './shared/every.ts'
import { instanceIdOf } from './shared/instance-id.ts'
import type { Log } from './shared/logger.ts'
import { createMailer } from './shared/mail/mailer.ts'
import { createStoredSmtp } from './shared/mail/stored-smtp.ts'
import { warnOnceInARow } from './shared/once-in-a-row.ts'
import { openRedis, redisNamespace } from './shared/redis.ts'
import { createSecretBox } from './shared/secret-box.ts'
import { loadSecretKey } from './shared/secret-key.ts'
import { assertSecretKeyFits } from './shared/secret-key-check.ts'
import { createSecretRotation } from './shared/secret-rotation.ts'
import { systemClock } from './shared/system-clock.ts'
import { VERSION } from './shared/version.ts'

const PANEL_DIR = fileURLToPath(new URL('../../admin/build', import.meta.url))

/** While the master key is being replaced: instances that still seal under the old one may be there for a while. */
const RESEAL_EVERY_MS = 60_000
const RESEALING = {
  failing: 'stored secrets cannot be sealed anew for now',
  again: 'stored secrets are sealed anew again',
}

export type Deps = Awaited<ReturnType<typeof openDeps>>
type Gateway = Awaited<ReturnType<typeof openGateway>>

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
  const databaseUrl = await databaseUrlOf(env, log, opened)
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
  const databases = openDatabases(databaseUrl, instanceId)
  opened.defer(() => databases.close())
  const db = databases.panel
  await assertSecretKeyFits(db.sql, box)

  const sandbox = env.sandbox ? await createSandbox({ keepRequests: 0 }) : null
  if (sandbox) opened.defer(() => sandbox.close())
  const egress = createEgress({
    privateUpstreams: sandbox ? [...env.privateUpstreams, `127.0.0.1:${sandbox.port}`] : env.privateUpstreams,
  })
  opened.defer(() => egress.close())
  // What is on the list of private addresses is there for accounts alone; the sandbox's inbox takes webhooks too.
  const publicEgress = createEgress({ privateUpstreams: sandbox ? [`127.0.0.1:${sandbox.port}`] : [] })
  opened.defer(() => publicEgress.close())
  const mailer = createMailer({
    egress: publicEgress,
    config: createStoredSmtp({ db: db.db, box, fallback: env.smtp }),
  })

  onStep('opening the gateway')
  const clientAddress = createClientAddress(env.trustedProxies)
  let openedGateway: Gateway | null = null
  let server: Server | null = null
  const telemetry = await openTelemetryOf(env, log, opened, {
    instanceId,
    providerOf: (accountId) => openedGateway?.providerOf(accountId) ?? null,
  })
  const ops = openOps({
    sql: db.sql,
    reports: databases.reports,
    redis: redis ? { client: redis, namespace: redisNamespace(box) } : null,
    clock: systemClock,
    life: { instanceId, bootId },
    version: VERSION,
    dataDir: env.dataDir,
    gateway: () => openedGateway,
    server: () => server,
    telemetry,
    log,
  })
  opened.defer(() => ops.close())
  const tokens = createAccessTokens({
    sql: db.sql,
    box,
    askForToken: createTokenEndpoint({ egress }),
    clock: systemClock,
    log,
  })
  opened.defer(() => tokens.close())
  const gateway = await openGateway({
    db: databases.gateway,
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
    onOutcome: ops.recordOutcome,
    onRefused: ops.recordRefusal,
    log,
  })
  opened.defer(() => gateway.close())
  openedGateway = gateway
  await ops.listen()

  const judging = createJudging({
    database: db,
    reports: databases.reports,
    source: createCountsSource(databases.reports.sql),
    enqueue: enqueueNotices,
    clock: systemClock,
    log,
  })
  opened.defer(() => judging.evaluator.stop())
  const trpc = createTrpc({
    database: db,
    reports: databases.reports,
    databaseDir: env.databaseUrl === undefined ? env.dataDir : null,
    box,
    clock: systemClock,
    log,
    egress,
    publicEgress,
    mailer,
    runtime: gateway.accountRuntime,
    tokens,
    live: ops.live,
    explainRoute: gateway.explainRoute,
    judging,
    ownRequests: ops.ownRequests,
    bus: ops.bus,
    sandbox,
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
    const resealing = every(RESEAL_EVERY_MS, warnOnceInARow(rotation.run, RESEALING, log), log)
    opened.defer(() => resealing.stop())
  }
  const jobs = createJobs({
    sql: databases.jobs.sql,
    databaseUrl,
    applicationName: `turnpike queue ${instanceId}`,
    jobs: [...opsJobs({ sql: databases.jobs.sql, clock: systemClock }), alertsJob(judging.evaluator)],
    onFault: ops.errorLog.recordFault,
    log,
  })
  opened.defer(() => jobs.close())
  let telling: Loop | null = null
  opened.defer(() => telling?.stop())
  let isListening = false
  const faults = { log, onFault: ops.errorLog.recordFault }
  const app = createApp({
    ...faults,
    gateway: gateway.routes,
    trpc: trpc.httpHandler,
    metrics: createMetricsHandler(ops.prometheus, env.metricsToken),
    exports: trpc.exportsHandler,
    isAllowedHost: trpc.isAllowedHost,
    panelDir: PANEL_DIR,
    readiness: () => ({ isReady: isListening && gateway.isServing(), missing: gateway.missing() }),
  })
  const listening = createAppServer(app, { ...faults, gateway: gateway.routes })
  server = listening
  listening.on('upgrade', trpc.upgrade)
  listening.on('listening', () => {
    isListening = true
    ops.metrics.start()
    jobs.start()
    judging.evaluator.start()
    telling = trpc.telling.start()
  })
  return {
    db: db.db,
    box,
    instance,
    gateway,
    trpc,
    server: listening,
    sandboxUrl: sandbox ? `${sandbox.url}/v1` : null,
  }
}

/**
 * Spans and metrics for the collector that the environment names, by an egress that can reach nothing else: what may be
 * reached is no configuration of accounts. The library is loaded where there is a collector only.
 */
async function openTelemetryOf(
  { otlpEndpoint }: Env,
  log: Log,
  opened: AsyncDisposableStack,
  of: Pick<TelemetryOptions, 'instanceId' | 'providerOf'>,
): Promise<Telemetry | null> {
  if (otlpEndpoint === null) return null
  const egress = createEgress({ privateUpstreams: [destinationOf(otlpEndpoint)] })
  opened.defer(() => egress.close())
  const { openTelemetry } = await import('./features/ops/telemetry/otlp/telemetry.ts')
  return openTelemetry({ endpoint: otlpEndpoint, egress, version: VERSION, log, ...of })
}

function destinationOf(url: string): string {
  const { protocol, hostname, port } = new URL(url)
  return `${hostname}:${port || (protocol === 'https:' ? 443 : 80)}`
}

/** Where the server listens, as somebody on this machine or in its network writes it. */
function listeningUrl(server: Server | null, host: string): string {
  const address = server?.address() ?? null
  const port = typeof address === 'object' && address !== null ? address.port : 0
  return `http://${host === '0.0.0.0' || host === '::' ? 'localhost' : host}:${port}`
}
