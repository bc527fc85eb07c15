import type { AddressInfo } from 'node:net'
import { resolve } from 'node:path'
import { type Deps, openDeps } from './deps.ts'
import { type Env, readEnv } from './env.ts'
import { firstRunText } from './features/auth/first-run-text.ts'
import { quickstartBanner } from './features/quickstart/banner.ts'
import { removeQuickstartFile, writeQuickstartFile } from './features/quickstart/quickstart-file.ts'
import {
  QUICKSTART_CONCURRENCY,
  QUICKSTART_MODELS,
  quickstartKey,
  quickstartPassword,
  seedQuickstart,
} from './features/quickstart/seed.ts'
import { lockDataDir, makeDataDir } from './shared/data-dir.ts'
import { listen, untilAlone } from './shared/listen.ts'
import { createLogger } from './shared/logger.ts'
import { isLostTypeQuery } from './shared/lost-type-query.ts'
import { untilSignalled } from './shared/signals.ts'
import { startFailure } from './start-failure.ts'

const DRAIN_MS = 120_000
const DRAIN_AGAIN_MS = 10_000
const QUICKSTART_DRAIN_MS = 5_000
/** Time for callers with an open connection to be told to open no more here, before what is still open is closed under them. */
const LINGER_MS = 500
/** Time for the outcomes of requests that a deadline cut off. */
const CUT_MS = 2_000
const QUICKSTART_EMAIL = 'admin@turnpike.local'

/** Everything is closed; what still keeps the process, such as a connection to a server that froze, has had its time. */
const EXIT_AFTER_MS = 2_000

try {
  await main(readEnv())
  setTimeout(() => process.exit(), EXIT_AFTER_MS).unref()
} catch (error) {
  process.stderr.write(`\n${startFailure(error)}\n`)
  process.exitCode = 1
}

/** Parse, open, listen; then wait for a signal and close everything, last in, first out. */
async function main(env: Env): Promise<void> {
  const isQuickstart = env.profile === 'quickstart'
  const dataDir = resolve(env.dataDir)
  makeDataDir(dataDir)
  await using opened = new AsyncDisposableStack()
  if (isQuickstart) opened.defer(lockDataDir(dataDir).release)
  const logger = createLogger({
    level: env.logLevel,
    ...(isQuickstart ? { destination: `${dataDir}/turnpike.log` } : {}),
  })
  opened.defer(() => logger.close())
  const { log } = logger
  process.on('unhandledRejection', (error) => {
    if (!isLostTypeQuery(error)) throw error
    log.warn({ err: error }, 'a connection to the database was lost while it was being made')
  })
  if (isQuickstart) removeQuickstartFile(dataDir)

  const deps = await openDeps({ ...env, dataDir }, log, opened, (step) => {
    if (isQuickstart) process.stdout.write(`  ${step} …\n`)
  })
  const { server, gateway, trpc, instance } = deps
  if (isQuickstart) await seed(env, deps)
  else if (env.adminEmail !== undefined && env.adminPassword !== undefined) {
    await trpc.owners.ensureOwner({ email: env.adminEmail, password: env.adminPassword })
  }
  // They stay until the process ends: a signal while it closes must not cut the closing short.
  const signals = untilSignalled()
  opened.defer(() => trpc.close())
  opened.defer(() => cutOff(deps))
  const address = await listen(server, env.host, env.port)
  log.info({ port: address.port, profile: env.profile }, 'listening')
  if (isQuickstart) {
    opened.defer(() => removeQuickstartFile(dataDir))
    await greet(env, deps, address, dataDir)
  } else {
    const token = await trpc.services.firstRun.token()
    if (token !== null) process.stdout.write(firstRunText(trpc.services.panelUrl(), token))
  }

  const first = await signals.next()
  log.info({ signal: first }, 'draining')
  const isInterrupt = first === 'SIGINT' && isQuickstart
  const drained = gateway.drain(isInterrupt ? QUICKSTART_DRAIN_MS : DRAIN_MS)
  // Nobody is admitted here any more: whoever waits for the place may have it.
  void instance.release()
  await Promise.race([drained, signals.next().then(() => gateway.drain(isInterrupt ? 0 : DRAIN_AGAIN_MS))])
  if (!isInterrupt) await untilAlone(server, LINGER_MS)
  log.info({}, 'closing')
  void signals.next().then(() => setTimeout(giveUp, isInterrupt ? CUT_MS : DRAIN_AGAIN_MS).unref())
}

/** Ends what the drain left: requests that are cut off are told so, and get their outcomes written. */
async function cutOff({ server, gateway }: Deps): Promise<void> {
  server.close()
  gateway.cutOff()
  await gateway.drain(CUT_MS)
  server.closeAllConnections()
}

/** Asked once more while closing hangs: what is not written yet is in the journal, and the next start mends the rest. */
function giveUp(): void {
  process.exit(1)
}

async function seed(env: Env, { db, box, trpc, sandboxUrl, gateway }: Deps): Promise<void> {
  const owner = await trpc.owners.ensureOwner({
    email: env.adminEmail ?? QUICKSTART_EMAIL,
    password: env.adminPassword ?? quickstartPassword(box),
    concurrency: QUICKSTART_CONCURRENCY,
  })
  await seedQuickstart({ db, box, ownerId: owner.userId, sandboxUrl })
  await gateway.reload()
}

async function greet(env: Env, { box, trpc }: Deps, address: AddressInfo, dataDir: string): Promise<void> {
  const password = env.adminPassword ?? quickstartPassword(box)
  const owner = await trpc.owners.ensureOwner({ email: env.adminEmail ?? QUICKSTART_EMAIL, password })
  const host = address.family === 'IPv6' ? `[${address.address}]` : address.address
  const local = `http://${host}:${address.port}`
  const facts = {
    gatewayUrl: `${local}/v1`,
    panelUrl: env.publicUrl ?? local,
    adminEmail: owner.email,
    adminPassword: password,
    apiKey: quickstartKey(box).key,
    pid: process.pid,
  }
  await writeQuickstartFile(dataDir, facts)
  const [model] = QUICKSTART_MODELS
  process.stdout.write(quickstartBanner({ ...facts, dataDir, isPasswordChanged: !owner.passwordMatches, model }))
}
