import { type ChildProcess, spawn } from 'node:child_process'
import { randomInt } from 'node:crypto'
import { once } from 'node:events'
import { createServer } from 'node:http'
import { Redis } from 'ioredis'
import { listen } from '../../apps/server/src/shared/listen.ts'
import { makeDataDir } from './data-dir.ts'
import { findOnPath } from './find-program.ts'
import { waitFor } from './wait-for.ts'

/** Null where this machine has none: tests that need one are skipped by name. */
export const redisProgram = findOnPath(['redis-server']) ?? null

export interface RedisServer extends AsyncDisposable {
  /** For REDIS_URL. */
  url: string
  /** A connection for looking, closed with the server. */
  look: Redis
  /** The process ends at once and forgets everything, as nothing is kept on disk. */
  stop(): Promise<void>
  /** Again, on the same port. */
  start(): Promise<void>
  /** SIGSTOP and SIGCONT: connections stand, nothing is answered. */
  freeze(): void
  thaw(): void
}

export interface RedisCluster extends AsyncDisposable {
  /** For REDIS_URL. */
  url: string
  /** All nodes. */
  stop(): Promise<void>
  start(): Promise<void>
}

const READY_MS = 10_000
/** Below those that systems give to connections. */
const PORTS = [12_000, 32_000] as const
const MASTERS = 3
const SLOTS = 16_384

/** A Redis of the test's own on a free port. */
export async function startRedisServer(settings: string[] = []): Promise<RedisServer> {
  const dir = await makeDataDir()
  const port = await freePort()
  const url = `redis://127.0.0.1:${port}`
  const look = new Redis(url, { lazyConnect: true, maxRetriesPerRequest: 0, retryStrategy: () => 50 })
  look.on('error', () => {})
  let child: ChildProcess | null = null

  async function start(): Promise<void> {
    const args = ['--port', `${port}`, '--bind', '127.0.0.1', '--dir', dir.path, '--save', '', '--appendonly', 'no']
    child = spawn(redisProgram ?? 'redis-server', [...args, ...settings], { stdio: 'ignore' })
    if (look.status === 'wait') look.connect().catch(() => {})
    await waitFor('Redis to answer', () => look.ping().catch(() => null), READY_MS)
  }

  async function stop(): Promise<void> {
    if (child === null || child.exitCode !== null || child.signalCode !== null) return
    const gone = once(child, 'exit')
    child.kill('SIGKILL')
    await gone
  }

  await start()
  return {
    url,
    look,
    start,
    stop,
    freeze: () => void child?.kill('SIGSTOP'),
    thaw: () => void child?.kill('SIGCONT'),
    async [Symbol.asyncDispose]() {
      look.disconnect()
      await stop()
      await dir[Symbol.asyncDispose]()
    },
  }
}

/** A Redis Cluster of three masters, with all slots served. */
export async function startRedisCluster(): Promise<RedisCluster> {
  const stack = new AsyncDisposableStack()
  try {
    const nodes: (RedisServer & { busPort: number })[] = []
    for (let index = 0; index < MASTERS; index++) {
      const busPort = await freePort()
      const settings = ['--cluster-enabled', 'yes', '--cluster-port', `${busPort}`, '--cluster-node-timeout', '2000']
      nodes.push({ ...stack.use(await startRedisServer(settings)), busPort })
    }
    for (const [index, { look, url, busPort }] of nodes.entries()) {
      const first = Math.floor((SLOTS / MASTERS) * index)
      await look.call('CLUSTER', 'ADDSLOTSRANGE', first, Math.floor((SLOTS / MASTERS) * (index + 1)) - 1)
      if (index > 0) await nodes[0]?.look.call('CLUSTER', 'MEET', '127.0.0.1', new URL(url).port, busPort)
    }
    await allServe(nodes)
    const url = `redis+cluster://${nodes.map((node) => new URL(node.url).host).join(',')}`
    return {
      url,
      async stop() {
        await Promise.all(nodes.map((node) => node.stop()))
      },
      async start() {
        await Promise.all(nodes.map((node) => node.start()))
        await allServe(nodes)
      },
      [Symbol.asyncDispose]: () => stack.disposeAsync(),
    }
  } catch (error) {
    await stack.disposeAsync()
    throw error
  }
}

/** Every node knows the others and that all slots are served. */
function allServe(nodes: RedisServer[]): Promise<true> {
  const look = async () => (await Promise.all(nodes.map(isServing))).every(Boolean)
  return waitFor('the cluster to serve every slot', look, READY_MS)
}

async function isServing({ look }: RedisServer): Promise<boolean> {
  const info = await look.cluster('INFO')
  return info.includes('cluster_state:ok') && info.includes(`cluster_known_nodes:${MASTERS}`)
}

/** A port that nobody has, and that no connection is given by the system until it is used, or used again. */
export async function freePort(): Promise<number> {
  for (;;) {
    const server = createServer()
    const address = await listen(server, '127.0.0.1', randomInt(...PORTS)).catch(() => null)
    if (address === null) continue
    server.close()
    await once(server, 'close')
    return address.port
  }
}
