import { redisProgram, startRedisServer } from '../support/redis-server.ts'
import { type Child, portOf, startChild } from './child.ts'
import { addGroup, addKeys } from './crowds.ts'
import { type Load, startLoad } from './load/load.ts'
import type { Target } from './load/work.ts'
import { startNginx } from './nginx.ts'
import { type BenchedTurnpike, startBenchedTurnpike } from './turnpike.ts'

/** Who else may stand beside the bare relay, to see how cost grows. */
export const CROWDS = {
  keys: ['10 keys', '100,000 keys'],
  accounts: ['1 account', '500 accounts'],
} as const
export type Crowd = keyof typeof CROWDS
export type TargetName = 'direct' | 'nginx' | 'bare' | 'turnpike' | 'with Redis' | (typeof CROWDS)[Crowd][number]

/** Something between load and upstream; `direct` is nothing between them and has no process. */
export interface BenchTarget {
  name: TargetName
  target: Target
  pid: number | null
  /** A Node process that tells where its inspector listens. */
  inspected: { pid: number; output(): string } | null
  databasePid: number | null
}

export interface Stage extends AsyncDisposable {
  load: Load
  targets: BenchTarget[]
  /** Bare, and the same Turnpike with few and with many of something. Takes a while where it is not there yet. */
  crowd(of: Crowd): Promise<BenchTarget[]>
  /** Bare, and a Turnpike that shares its limits through Redis; null where there is no Redis. */
  shared(): Promise<BenchTarget[] | null>
}

/** Starts every process of the bench on loopback; all of them run the whole time, one of them works at a time. */
export async function openStage(say: (step: string) => void): Promise<Stage> {
  await using opened = new AsyncDisposableStack()
  const load = opened.use(startLoad())
  const upstream = opened.use(startChild('./upstream/main.ts'))
  const upstreamPort = await portOf(upstream)
  const bare = opened.use(startChild('./bare-relay.ts', [String(upstreamPort)]))
  const barePort = await portOf(bare)
  const nginx = await startNginx(upstreamPort)
  if (nginx === null) say('nginx is not installed: measured without it')
  else opened.use(nginx)
  say('starting Turnpike')
  const turnpike = opened.use(await startBenchedTurnpike(upstreamPort))
  const toClose = opened.move()
  return {
    load,
    targets: [
      asTarget('direct', upstreamPort),
      ...(nginx === null ? [] : [{ ...asTarget('nginx', nginx.port), pid: nginx.pid }]),
      bareTarget(bare, barePort),
      turnpikeTarget(turnpike),
    ],
    async crowd(of) {
      const own = turnpikeTarget(turnpike)
      const counts = COUNTS[of]
      const targets = [bareTarget(bare, barePort)]
      for (const [index, name] of CROWDS[of].entries()) {
        const count = counts[index] ?? 0
        const callers =
          of === 'keys'
            ? { key: own.target.key, keys: await addKeys(turnpike, count) }
            : { key: await addGroup(turnpike, upstreamPort, count) }
        targets.push({ ...own, name, target: { port: own.target.port, ...callers } })
      }
      return targets
    },
    async shared() {
      if (redisProgram === null) return null
      const redis = toClose.use(await startRedisServer())
      const sharing = toClose.use(await startBenchedTurnpike(upstreamPort, { REDIS_URL: redis.url }))
      return [bareTarget(bare, barePort), { ...turnpikeTarget(sharing), name: 'with Redis' }]
    },
    [Symbol.asyncDispose]: () => toClose.disposeAsync(),
  }
}

const COUNTS: Record<Crowd, readonly number[]> = { keys: [10, 100_000], accounts: [1, 500] }

function asTarget(name: TargetName, port: number): BenchTarget {
  return { name, target: { port, key: 'bench' }, pid: null, inspected: null, databasePid: null }
}

function bareTarget(bare: Child, port: number): BenchTarget {
  return { ...asTarget('bare', port), pid: bare.pid, inspected: bare }
}

function turnpikeTarget({ server, port, key, databasePid }: BenchedTurnpike): BenchTarget {
  return { name: 'turnpike', target: { port, key }, pid: server.pid, inspected: server, databasePid }
}
