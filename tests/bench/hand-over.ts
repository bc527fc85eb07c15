import { randomUUID } from 'node:crypto'
import { openInProcessWorld, openRedisWorld, type SlotsWorld } from '../multi-instance/slots-world.ts'
import { redisProgram, startRedisServer } from '../support/redis-server.ts'
import { percentile } from './statistics.ts'

const WAITERS = 20

export interface HandOver {
  coordination: 'in process' | 'redis'
  count: number
  p50Ms: number
  p99Ms: number
}

/** From the release of a slot to the waiter that goes on with it; with Redis between two instances, waiters on both. */
export async function measureHandOvers(count: number): Promise<HandOver[]> {
  const measured = [{ coordination: 'in process' as const, ...(await handOver(count, [await openInProcessWorld()])) }]
  if (redisProgram === null) return measured
  await using redis = await startRedisServer()
  const namespace = randomUUID()
  const worlds = [await openRedisWorld(redis.url, namespace), await openRedisWorld(redis.url, namespace)]
  return [...measured, { coordination: 'redis' as const, ...(await handOver(count, worlds)) }]
}

async function handOver(count: number, worlds: SlotsWorld[]): Promise<Omit<HandOver, 'coordination'>> {
  await using stack = new AsyncDisposableStack()
  for (const world of worlds) stack.use(world)
  const took: number[] = []
  let releasedAt = 0
  let left = count
  async function waiter(world: SlotsWorld): Promise<void> {
    while (left-- > 0) {
      const lease = await world.ask()
      if (releasedAt > 0) took.push(performance.now() - releasedAt)
      releasedAt = performance.now()
      lease.release()
    }
  }
  const each = WAITERS / worlds.length
  await Promise.all(worlds.flatMap((world) => Array.from({ length: each }, () => waiter(world))))
  return { count: took.length, p50Ms: percentile(took, 0.5), p99Ms: percentile(took, 0.99) }
}
