import { readdirSync, readFileSync } from 'node:fs'

/** State letter of a process (Linux), e.g. `Z`; null where /proc does not tell. */
export function processState(pid: number): string | null {
  return statOf(pid)?.[0] ?? null
}

/** A process and all that descend from it, parents first (Linux). */
export function familyOf(pid: number): number[] {
  const parents = readdirSync('/proc')
    .map(Number)
    .flatMap((each) => {
      const parent = statOf(each)?.[1]
      return parent === undefined ? [] : [{ pid: each, parent: Number(parent) }]
    })
  const family = [pid]
  for (const member of family) {
    for (const each of parents) if (each.parent === member) family.push(each.pid)
  }
  return family
}

/** Sends a signal to processes; who has gone meanwhile is left out. */
export function signalAll(pids: number[], signal: NodeJS.Signals): void {
  for (const pid of pids) {
    try {
      process.kill(pid, signal)
    } catch {
      // It ended by itself.
    }
  }
}

/** Fields of /proc/<pid>/stat from the state on; the name before them may hold anything. */
function statOf(pid: number): string[] | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  } catch {
    return null
  }
}
