import { execFile } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { promisify } from 'node:util'

const PS_TIMEOUT_MS = 5_000

/** The command line of what runs under `pid`; null where nothing does, zombies included: a container's init may never reap them. */
export async function runningCommand(pid: number): Promise<string | null> {
  try {
    return process.platform === 'linux' ? await fromProc(pid) : await fromPs(pid)
  } catch {
    // Both ways fail by design when there is no such process.
    return null
  }
}

async function fromProc(pid: number): Promise<string | null> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8')
  // The name in brackets may hold spaces and brackets of its own.
  const state = stat.slice(stat.lastIndexOf(')') + 2)[0]
  if (state === 'Z' || state === 'X') return null
  return (await readFile(`/proc/${pid}/cmdline`, 'utf8')).replaceAll('\0', ' ').trim()
}

async function fromPs(pid: number): Promise<string | null> {
  const { stdout } = await promisify(execFile)('ps', ['-ww', '-o', 'stat=,args=', '-p', String(pid)], {
    timeout: PS_TIMEOUT_MS,
  })
  const [state = 'Z', ...command] = stdout.trim().split(/\s+/)
  return state.startsWith('Z') ? null : command.join(' ')
}
