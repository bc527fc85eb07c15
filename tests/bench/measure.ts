import { setTimeout as sleep } from 'node:timers/promises'
import type { Shape } from './bodies.ts'
import { openInspector } from './inspector.ts'
import type { Spread, Work } from './load/work.ts'
import { cpuOf, familyCpuOf, memoryOf, settle } from './process-cost.ts'
import type { BenchTarget, Stage } from './stage.ts'

/** What one target did in one round. */
export interface Sample {
  done: number
  failed: number
  perSecond: number
  total: Spread
  first: Spread
  /** CPU µs of the relaying process for each request or stream, what it does behind its answers included; of its first thread; of its database. */
  cpuMicros: number
  mainMicros: number
  databaseMicros: number
}

const REST_MS = 200

type Loop = Pick<Work & { kind: 'closed' }, 'kind' | 'connections' | 'durationMs'> | OpenLoop
type OpenLoop = Pick<Work & { kind: 'open' }, 'kind' | 'perSecond' | 'durationMs'>

/** Lets one target work for a while. */
export async function measure({ load }: Stage, bench: BenchTarget, shape: Shape, loop: Loop): Promise<Sample> {
  const { target, pid, databasePid } = bench
  const before = costOf(bench)
  const { done, failed, durationMs, total, first } = await load.run({ ...loop, target, shape })
  if (pid !== null) await settle(pid)
  if (databasePid !== null) await settle(databasePid)
  const after = costOf(bench)
  return {
    done,
    failed,
    perSecond: (done * 1000) / durationMs,
    total,
    first,
    cpuMicros: (after.total - before.total) / done,
    mainMicros: (after.main - before.main) / done,
    databaseMicros: (after.database - before.database) / done,
  }
}

/** Memory that each of so many streams takes which have begun and say nothing more, in bytes. */
export async function measureIdleStreams({ load }: Stage, bench: BenchTarget, streams: number): Promise<number> {
  const { target, pid } = bench
  if (pid === null) return 0
  const before = await restingMemory(bench, pid)
  await load.run({ kind: 'hold', target, shape: 'idle', connections: streams })
  const after = await restingMemory(bench, pid)
  await load.run({ kind: 'let_go', target, shape: 'idle' })
  await settle(pid)
  return (after - before) / streams
}

function costOf({ pid, databasePid }: BenchTarget) {
  const cpu = pid === null ? { total: 0, main: 0 } : cpuOf(pid)
  return { ...cpu, database: databasePid === null ? 0 : familyCpuOf(databasePid) }
}

async function restingMemory({ inspected }: BenchTarget, pid: number): Promise<number> {
  await settle(pid)
  if (inspected !== null) {
    using inspector = await openInspector(inspected)
    await inspector.call('HeapProfiler.collectGarbage')
    await sleep(REST_MS)
    await inspector.call('HeapProfiler.collectGarbage')
  }
  await sleep(REST_MS)
  return memoryOf(pid)
}
