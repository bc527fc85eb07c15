import { readdirSync, readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { familyOf } from '../support/processes.ts'

const LOOK_MS = 100
const IDLE_CPU_SHARE = 0.05
const SETTLE_MS = 6_000

/** CPU time that processes have used, in µs; of threads and processes that are gone nothing is known (Linux). */
export interface CpuTime {
  total: number
  /** Of the first thread, where JavaScript runs. */
  main: number
}

export function cpuOf(pid: number): CpuTime {
  const threads = readdirSync(`/proc/${pid}/task`)
  const total = threads.reduce((sum, thread) => sum + runMicros(pid, thread), 0)
  return { total, main: runMicros(pid, String(pid)) }
}

/** Of a process and all its descendants. */
export function familyCpuOf(pid: number): number {
  return familyOf(pid).reduce((sum, member) => sum + runMicros(member, String(member)), 0)
}

/** Waits until a process has finished what it does behind its answers. */
export async function settle(pid: number): Promise<void> {
  const giveUpAt = performance.now() + SETTLE_MS
  for (let quiet = 0; quiet < 3 && performance.now() < giveUpAt; ) {
    const before = cpuOf(pid).total
    await sleep(LOOK_MS)
    quiet = cpuOf(pid).total - before < LOOK_MS * 1000 * IDLE_CPU_SHARE ? quiet + 1 : 0
  }
}

/** Resident memory in bytes. */
export function memoryOf(pid: number): number {
  const kilobytes = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]
  return Number(kilobytes) * 1024
}

/** The scheduler's own account, in nanoseconds: `stat` counts in ticks of 10 ms. */
function runMicros(pid: number, thread: string): number {
  try {
    return Number(readFileSync(`/proc/${pid}/task/${thread}/schedstat`, 'utf8').split(' ')[0]) / 1000
  } catch {
    return 0
  }
}
