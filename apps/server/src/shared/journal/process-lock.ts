import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

const LOCK_FILE = 'lock'

/** Marks a directory as this process's own. */
export function lockDirectory(directory: string): void {
  writeFileSync(join(directory, LOCK_FILE), JSON.stringify({ pid: process.pid, startedAt: startOf(process.pid) }), {
    mode: 0o600,
  })
}

/** Whether the process that locked the directory still runs. Without a readable lock nobody does. */
export function isLockAlive(directory: string): boolean {
  try {
    const lock: unknown = JSON.parse(readFileSync(join(directory, LOCK_FILE), 'utf8'))
    if (typeof lock !== 'object' || lock === null || !('pid' in lock) || typeof lock.pid !== 'number') return false
    process.kill(lock.pid, 0)
    // A pid is used again by others, the same in every container: the start time tells them apart.
    return 'startedAt' in lock && lock.startedAt === startOf(lock.pid)
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM'
  }
}

/** Start time of a process in clock ticks since boot with the boot's id (Linux); null where /proc does not tell. */
function startOf(pid: number): string | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    if (fields[0] === 'Z') return `zombie-${pid}`
    return `${readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()}:${fields[19]}`
  } catch {
    return null
  }
}
