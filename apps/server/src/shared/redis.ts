import { setTimeout as sleep } from 'node:timers/promises'
import { Cluster, type CommonRedisOptions, Redis } from 'ioredis'
import { within } from './deadline.ts'
import type { Log } from './logger.ts'
import type { RedisAddress } from './redis-address.ts'
import type { SecretBox } from './secret-box.ts'

/** No request waits longer for one command (gateway.md, "Coordination"). */
export const COMMAND_TIMEOUT_MS = 250
const START_MS = 10_000
const CONNECT_MS = 2_000
/** A server that took a command and says nothing for this long is given up: the connection is made anew. */
const SILENCE_MS = 2_000
const RECONNECT_FIRST_MS = 50
const RECONNECT_MAX_MS = 1_000
const CLUSTER_PAUSE_MS = 50
const MAX_REDIRECTIONS = 3
const NAMESPACE_BYTES = 6
const OLDEST = [6, 2] as const

/**
 * One server's client has a `stream`, a cluster's has none: telling them apart by that costs the type checker nothing, by
 * their classes minutes.
 */
export type RedisCommands = Redis | Cluster

/** Redis, shared by all who need it. */
export interface RedisClient {
  /** 250 ms a command; refused at once while there is no connection. */
  commands: RedisCommands
  /** For `subscribe` only; what was subscribed to is again after a lost connection. Emits `message` (channel, text). */
  subscriber: RedisCommands
  /** Whether the last thing known is a connection that stands. */
  isReady(): boolean
  close(): Promise<void>
}

/** Why Redis cannot be used, for the person who starts the server. */
export class RedisError extends Error {
  override readonly name = 'RedisError'
}

/** Connects, and reconnects from then on. Throws RedisError where Redis does not answer within seconds or is too old. */
export async function openRedis(address: RedisAddress, log: Log): Promise<RedisClient> {
  const commands = connect(address)
  // A cluster's client keeps a connection of its own for messages.
  const subscriber = 'stream' in commands ? commands.duplicate({ commandTimeout: undefined }) : commands
  const clients = [...new Set([commands, subscriber])]
  logLosses(commands, log)
  // It is lost together with the other, which tells.
  subscriber.on('error', () => {})
  try {
    await within(START_MS, Promise.all(clients.map((client) => client.connect())))
    await untilAnswered(() => checkServer(commands))
  } catch (error) {
    for (const client of clients) client.disconnect()
    if (error instanceof RedisError) throw error
    throw new RedisError(unreachable(error), { cause: error })
  }
  return {
    commands,
    subscriber,
    isReady: () => commands.status === 'ready',
    async close() {
      for (const client of clients) client.disconnect()
    },
  }
}

/**
 * What a start needs of Redis: asked for again where no answer came in time, for some seconds. A start is no request, and
 * the process itself is slow to answer then.
 */
export async function untilAnswered<T>(ask: () => Promise<T>): Promise<T> {
  const giveUpAt = performance.now() + START_MS
  for (;;) {
    try {
      return await within(START_MS, ask())
    } catch (error) {
      if (error instanceof RedisError || performance.now() > giveUpAt) throw error
      await sleep(RECONNECT_FIRST_MS)
    }
  }
}

/** In front of what one installation keeps in Redis; all its instances have the same secret key, others have another one. */
export function redisNamespace(box: SecretBox): string {
  return `turnpike:${box.derive('redis namespace', NAMESPACE_BYTES).toString('hex')}`
}

function connect(address: RedisAddress): RedisCommands {
  const retryStrategy = (times: number) => Math.min(RECONNECT_FIRST_MS * 2 ** times, RECONNECT_MAX_MS)
  const each: CommonRedisOptions = {
    commandTimeout: COMMAND_TIMEOUT_MS,
    connectTimeout: CONNECT_MS,
    socketTimeout: SILENCE_MS,
    maxRetriesPerRequest: 0,
    // What was asked of a connection that broke may have been done: who asked decides what then.
    autoResendUnfulfilledCommands: false,
    connectionName: 'turnpike',
  }
  if (address.kind === 'standalone') {
    return new Redis(address.url, { ...each, retryStrategy, enableOfflineQueue: false, lazyConnect: true })
  }
  const { nodes, username, password, tls } = address
  return new Cluster(nodes, {
    redisOptions: { ...each, username, password, ...(tls && { tls: {} }) },
    clusterRetryStrategy: retryStrategy,
    clusterNodeRetryStrategy: retryStrategy,
    enableOfflineQueue: false,
    lazyConnect: true,
    maxRedirections: MAX_REDIRECTIONS,
    retryDelayOnFailover: CLUSTER_PAUSE_MS,
    retryDelayOnClusterDown: CLUSTER_PAUSE_MS,
    retryDelayOnTryAgain: CLUSTER_PAUSE_MS,
  })
}

/** One line when it goes and one when it is back, however often it is tried in between. */
function logLosses(client: RedisCommands, log: Log): void {
  let isLost = false
  client.on('error', (error: Error) => {
    if (!isLost)
      log.error({ err: error }, 'Redis is out of reach; limits are shared out among the instances until it is back')
    isLost = true
  })
  client.on('ready', () => {
    if (isLost) log.info({}, 'Redis is back')
    isLost = false
  })
}

async function checkServer(commands: RedisCommands): Promise<void> {
  await commands.ping()
  // Some managed servers keep INFO to themselves.
  const info = await commands.info().catch(() => null)
  if (info === null) return
  const [, version = ''] = /^redis_version:(\S+)/m.exec(info) ?? []
  const [major = 0, minor = 0] = version.split('.').map(Number)
  if (major < OLDEST[0] || (major === OLDEST[0] && minor < OLDEST[1])) {
    throw new RedisError(`Redis ${version} is too old: ${OLDEST.join('.')} or newer is needed.`)
  }
  if ('stream' in commands && /^cluster_enabled:1/m.test(info)) {
    throw new RedisError('REDIS_URL leads to a node of a Redis Cluster: write redis+cluster://host:port,host:port.')
  }
}

function unreachable(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error)
  return `Redis cannot be used. Check REDIS_URL and that Redis runs and accepts connections there.\n  (${message})`
}
