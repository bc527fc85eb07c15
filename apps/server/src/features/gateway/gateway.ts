import { randomUUID } from 'node:crypto'
import { costOf } from '@turnpike/core/billing/cost'
import { countTokens } from '@turnpike/core/billing/count-tokens'
import type { Diagnostics, Outcome } from '@turnpike/core/gateway/outcome'
import type { Clock, RelayPorts } from '@turnpike/core/gateway/ports'
import { RATE_WINDOW_MS } from '@turnpike/core/gateway/rate-window'
import { createRetryBudget } from '@turnpike/core/gateway/retry-budget'
import type { Refusal } from '@turnpike/core/ops/refusal'
import type { Db } from '@turnpike/db'
import type { Dispatcher } from 'undici'
import type { ClientAddress } from '../../http/client-address.ts'
import { apiKeyPeppers, hashApiKey, pepperVersion } from '../../shared/api-key.ts'
import { every } from '../../shared/every.ts'
import { openJournal } from '../../shared/journal/journal.ts'
import type { Log } from '../../shared/logger.ts'
import { type RedisClient, redisNamespace } from '../../shared/redis.ts'
import type { SecretBox } from '../../shared/secret-box.ts'
import { createAccountBook } from './accounts/account-book.ts'
import { openAccountChannel } from './accounts/account-channel.ts'
import { createAccountRecorder } from './accounts/account-recorder.ts'
import { createAccountRuntime } from './accounts/account-runtime.ts'
import { createSessionBindings } from './accounts/session-bindings.ts'
import { createSharedSessionBindings } from './accounts/shared-session-bindings.ts'
import { type ConfiguredGrant, grantsOf } from './config/config.ts'
import { openConfigStore } from './config/config-store.ts'
import { createDatabaseWatch, LOOK_EVERY_MS } from './database-watch.ts'
import { createExplainRoute } from './explain/explain-route.ts'
import { createCallerOf } from './http/caller.ts'
import { createGatewayRoutes } from './http/routes.ts'
import { createAuthenticator } from './keys/authenticate.ts'
import { keysByPublicId, keysOfUsers, rehashKey } from './keys/key-store.ts'
import { createUnknownKeyLimit } from './keys/unknown-key-limit.ts'
import { createLedger, createLedgerWriter, makePartitions } from './ledger.ts'
import { createLiveRequests } from './live-requests.ts'
import {
  CHECK_EVERY_MS,
  CHECK_LEDGER_EVERY_MS,
  createMoney,
  RENEW_EVERY_MS,
  SWEEP_EVERY_MS,
  TIDY_EVERY_MS,
} from './money/money.ts'
import { madeResponse } from './responses/made-response.ts'
import { createResponseBook } from './responses/response-book.ts'
import { runningRequests } from './running-requests.ts'
import { AUDIT_EVERY_MS, createSlotAuditor } from './slot-auditor.ts'
import { createInProcessSlots } from './slots/in-process-slots.ts'
import { openRedisSlots } from './slots/redis/redis-slots.ts'
import { createTokenCounter } from './token-counter.ts'
import { createUpstream } from './upstream.ts'
import type { UpstreamTokens } from './upstream-token.ts'

const PARTITIONS_EVERY_MS = 3_600_000
const STRANDED_EVERY_MS = 5_000

export interface GatewayOptions {
  db: Db
  box: SecretBox
  egress: { poolFor(url: string, options: { connectMs: number; proxy: string | null }): Dispatcher }
  tokens: UpstreamTokens & { learn(grants: readonly ConfiguredGrant[]): void }
  clientAddress: ClientAddress
  /** What the instances share; null = there is one. Default: null. */
  redis?: RedisClient | null
  clock: Clock
  journalDir: string
  bootId: string
  journalMaxBytes: number
  maxBodyBytes: number
  corsOrigins: readonly string[]
  /** Silence after which a stream gets a sign of life, in place of the setting; shorter in tests. */
  keepAliveMs?: number
  /** False while another instance has the place of this one: requests are turned away. Default: true. */
  mayAdmit?(): boolean
  /** For questions that may take longer than a request could wait; default: `db`. */
  reportDb?: Db
  /** Instances that share the database now, this one included; default: it is alone. */
  instances?: () => number
  /** Hears of every request that ended. */
  onOutcome(outcome: Outcome, diagnostics: Diagnostics): void
  /** Hears of requests that were turned away before they became one with an outcome. */
  onRefused(refusal: Refusal): void
  log: Log
}

/** The request path with everything it keeps: configuration, keys, slots, accounts, journal. */
export async function openGateway(options: GatewayOptions) {
  const { db, box, clock, log, redis = null } = options
  const { sql } = db
  const { now, monotonic } = clock
  await makePartitions(sql, now(), log)
  const config = await openConfigStore({ db, box, monotonic, log })
  const recorder = createAccountRecorder({ sql, now, log })
  const namespace = redisNamespace(box)
  const accounts = createAccountBook({
    config: config.current,
    sessions: redis ? createSharedSessionBindings({ redis, namespace }) : createSessionBindings(),
    now,
    onChange(accountId, change, live) {
      recorder.onChange(accountId, change, live)
      if (change !== null) channel?.tellLearnt(accountId, change, live.health)
    },
    hasUnstoredError: recorder.hasUnstoredError,
  })
  const channel = redis
    ? await openAccountChannel({ redis, namespace, bootId: options.bootId, accounts, sql, log })
    : null
  const peppers = apiKeyPeppers(box)
  const authenticator = createAuthenticator({
    peppers,
    onOldHash(record, key) {
      const fresh = { hash: hashApiKey(peppers[0], key), pepperVersion: pepperVersion(peppers[0]) }
      rehashKey(sql, record, fresh).catch((error: unknown) => {
        log.warn({ err: error, keyId: record.keyId }, 'a key could not be hashed anew; its next first use tries again')
      })
    },
    lookUp: (publicIds) => keysByPublicId(sql, publicIds),
    lookUpOwned: (userIds) => keysOfUsers(sql, userIds),
    limit: createUnknownKeyLimit({ monotonic }),
    now,
  })
  const learnTokens = () => options.tokens.learn(grantsOf(config.current()))
  learnTokens()
  config.onChange(learnTokens)
  config.onChange(accounts.refresh)
  config.onKeysChange((changed) => {
    const read = changed === null ? authenticator.refreshAll() : authenticator.refresh(changed)
    read.catch((error: unknown) => log.warn({ err: error }, 'keys could not be read again'))
  })
  const timeZone = () => config.current().settings.timeZone
  const money = createMoney({
    sql,
    checkSql: (options.reportDb ?? db).sql,
    bootId: options.bootId,
    instances: options.instances ?? (() => 1),
    timeZone,
    prices: () => config.current().prices,
    now,
    monotonic,
    log,
  })
  config.onChange(money.onConfigChange)
  config.onKeysChange(money.onKeysChange)
  const write = createLedgerWriter({ sql, bootId: options.bootId, timeZone, onShipped: money.onShipped, log })
  const journal = await openJournal({
    root: options.journalDir,
    bootId: options.bootId,
    maxBytes: options.journalMaxBytes,
    write,
    now,
    log,
  })
  const ping = () => sql`select 1`
  const ledger = createLedger({ bootId: options.bootId, journal, write, ping, log })
  const database = createDatabaseWatch(ping)
  // Its tables take a tenth of a second to load, which must not meet the first request that needs them.
  await countTokens('ready')
  const shared = redis ? await openRedisSlots({ redis, namespace, bootId: options.bootId, monotonic, log }) : null
  const slots = shared ?? createInProcessSlots({ monotonic })
  const live = createLiveRequests()
  const auditor = createSlotAuditor({ book: slots.book, live, log })
  const ports: RelayPorts = {
    clock,
    random: Math.random,
    slots,
    money: money.port,
    accounts,
    responses: createResponseBook({
      shared: options.redis?.commands ?? null,
      lookUp: (userId, responseId) => madeResponse(sql, userId, responseId, new Date(now())),
      log,
    }),
    upstream: createUpstream({
      account: (id) => config.current().accounts.get(id),
      poolFor: options.egress.poolFor,
      tokens: options.tokens,
    }),
    journal: ledger.port,
    price({ usage, model, provider, serviceTier, multiplierE4, atMs }) {
      const price = config.current().prices.priceOf(model, provider, atMs, serviceTier)
      return price === null ? null : costOf(usage, price, multiplierE4)
    },
    countTokens: createTokenCounter({ count: countTokens, log }),
    onOutcome: options.onOutcome,
    retryBudget: createRetryBudget(),
    decodeUtf8: (bytes) => Buffer.from(bytes, 'latin1').toString('utf8'),
    encodeUtf8: (text) => Buffer.from(text, 'utf8').toString('latin1'),
    newId: randomUUID,
  }
  let isClosed = false
  const isRefusing = () => isClosed || options.mayAdmit?.() === false
  const callerOf = createCallerOf({
    authenticator,
    config,
    clientAddress: options.clientAddress,
    slots,
    onKeyUsed: recorder.keyUsed,
  })
  const routes = createGatewayRoutes({
    ports,
    callerOf,
    config: config.current,
    sql,
    live,
    maxBodyBytes: options.maxBodyBytes,
    keepAliveMs: () => options.keepAliveMs ?? config.current().settings['gateway.keepAliveMs'],
    codexUserAgents: () => config.current().settings['gateway.codexUserAgents'],
    corsOrigins: options.corsOrigins,
    isClosed: isRefusing,
    onRefused: options.onRefused,
    log,
  })
  const loops = [
    every(AUDIT_EVERY_MS, auditor.audit, log),
    every(PARTITIONS_EVERY_MS, () => makePartitions(sql, now(), log), log),
    every(STRANDED_EVERY_MS, ledger.retryStranded, log),
    every(LOOK_EVERY_MS, database.look, log),
    every(RENEW_EVERY_MS, money.renew, log),
    every(TIDY_EVERY_MS, money.tidy, log),
    every(SWEEP_EVERY_MS, money.sweep, log),
    every(CHECK_EVERY_MS, () => money.check('counter'), log),
    every(CHECK_LEDGER_EVERY_MS, () => money.check('ledger'), log),
    every(RATE_WINDOW_MS, slots.sweep, log),
  ]

  const gauges = () => ({
    inFlight: live.size(),
    waiters: slots.waiters(),
    openStreams: live.openStreams(),
    accountsAvailable: accounts.counts().available,
    accountsTotal: accounts.counts().total,
  })

  return {
    routes,
    /** Reads the configuration again now; changes in the database are noticed without. */
    reload: config.reload,
    accountRuntime: createAccountRuntime({
      accounts,
      recorder,
      sql,
      onCleared: (accountId) => channel?.tellCleared(accountId),
    }),
    gauges,
    /** Which way a request would go now. */
    explainRoute: createExplainRoute({ ports, accounts, slots, money, sql, config, callerOf, isClosed: isRefusing }),
    /** Requests that run here, with the slots they hold. */
    running: () => runningRequests({ live, book: slots.book, monotonic }),
    /** Ends one of them; false = it is not here. */
    release: live.cutOff,
    /** Null for an account that is not configured any more. */
    providerOf: (accountId: number) => config.current().accounts.get(accountId)?.provider ?? null,
    /** What is true now, for the metrics of this instance. */
    instanceGauges: () => ({
      ...gauges(),
      accountsByGroup: accounts.countsByGroup(),
      journalBacklogBytes: journal.stats().bytes,
      redisConn: shared === null ? null : shared.isDegraded() ? 0 : 1,
      isDatabaseAway: database.isAway(),
    }),
    /** What is missing while requests are served all the same; empty = nothing. */
    missing: () => [
      ...(database.isAway() || journal.stats().stuckSinceMs !== null ? ['database'] : []),
      ...(shared?.isDegraded() ? ['redis'] : []),
    ],
    isServing: () => !isRefusing() && !config.isTooOld(),
    stats: () => ({
      journal: journal.stats(),
      ledger: ledger.stats(),
      money: money.stats(),
      leaks: auditor.leaks(),
      heldSlots: slots.book.size,
    }),
    /** Turns new requests away and waits for those that run; true = none is left. */
    drain(timeoutMs: number): Promise<boolean> {
      isClosed = true
      return live.drained(timeoutMs)
    },
    /** Waits for the requests that run, without turning anybody away; true = none is left. */
    drained: live.drained,
    /** Ships what the journal holds now; true = the ledger has it all. */
    flush: journal.flush,
    /** Stores what was learnt of accounts now. */
    recordAccounts: recorder.flush,
    /** Ends what still runs: streams by an event, the others by a refusal. */
    cutOff: live.cutOffAll,
    async close(): Promise<void> {
      isClosed = true
      await Promise.all([...loops.map((loop) => loop.stop()), channel?.close(), shared?.close()])
      await ledger.retryStranded()
      await Promise.all([journal.close(), recorder.close(), config.close()])
      // What was billed is settled by now, as far as it can be.
      await money.close()
    },
  }
}
