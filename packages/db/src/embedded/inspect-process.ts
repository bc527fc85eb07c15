import { execFile } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { promisify } from 'node:util'

export interface ProcessFacts {
  /** Tells a process from a later one with the same pid; compare for equality only. */
  startedAt: string
  command: string
}

const PS_TIMEOUT_MS = 5_000

/** What runs under `pid` now; null where nothing does, zombies included: a container's init may never reap them. */
export async function inspectProcess(pid: number): Promise<ProcessFacts | null> {
  try {
    return process.platform === 'linux' ? await fromProc(pid) : await fromPs(pid)
  } catch {
    // Both ways fail by design when there is no such process.
    return null
  }
}

async function fromProc(pid: number): Promise<ProcessFacts | null> {
  const [bootId, stat, commandLine] = await Promise.all([
    readFile('/proc/sys/kernel/random/boot_id', 'utf8'),
    readFile(`/proc/${pid}/stat`, 'utf8'),
    readFile(`/proc/${pid}/cmdline`, 'utf8'),
  ])
  // The name in brackets may hold spaces and brackets of its own: the fields are counted from behind it.
  const [state, ...fields] = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  if (state === 'Z' || state === 'X') return null
  return { startedAt: `${bootId.trim()}:${fields[18]}`, command: commandLine.replaceAll('\0', ' ').trim() }
}

async function fromPs(pid: number): Promise<ProcessFacts | null> {
  const { stdout } = await promisify(execFile)('ps', ['-ww', '-o', 'stat=,lstart=,args=', '-p', String(pid)], {
    timeout: PS_TIMEOUT_MS,
    env: { ...process.env, LC_ALL: 'C' },
  })
  const match = /^\s*(\S+)\s+(\S+\s+\S+\s+\S+\s+\S+\s+\S+)\s+(.*)$/m.exec(stdout)
  const [, state, startedAt, command] = match ?? []
  if (!state || !startedAt || state.startsWith('Z')) return null
  return { startedAt, command: command ?? '' }
}
