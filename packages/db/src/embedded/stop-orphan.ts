import { readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { EmbeddedPostgresError } from './embedded-postgres-error.ts'
import { runningCommand } from './running-command.ts'

/** The name by which a server of ours is known from one somebody else started on the same directory. */
export const CLUSTER_NAME = 'turnpike'

const FAST_SHUTDOWN_MS = 15_000
const IMMEDIATE_SHUTDOWN_MS = 5_000
const POLL_MS = 20

/**
 * Clears what a killed process left in the cluster's directory: a server still running is stopped, a `postmaster.pid`
 * that names no such server is removed. Call it with the directory locked, so that no living owner is robbed.
 *
 * @throws EmbeddedPostgresError `data_dir_in_use` where the server is not ours or does not stop.
 */
export async function stopOrphan(clusterPath: string): Promise<void> {
  const file = join(clusterPath, 'postmaster.pid')
  const pid = Number((await readFile(file, 'utf8').catch(() => '')).split('\n')[0])
  if (!pid) return await rm(file, { force: true })
  const command = (await runningCommand(pid)) ?? ''
  const isPostmaster = command.includes('postgres') && command.includes(clusterPath)
  if (!isPostmaster) return await rm(file, { force: true })
  if (!command.includes(`cluster_name=${CLUSTER_NAME}`)) throw inUse(clusterPath, pid)
  if (await stopped(pid, 'SIGINT', FAST_SHUTDOWN_MS)) return
  if (await stopped(pid, 'SIGQUIT', IMMEDIATE_SHUTDOWN_MS)) return
  throw inUse(clusterPath, pid)
}

async function stopped(pid: number, signal: NodeJS.Signals, withinMs: number): Promise<boolean> {
  try {
    process.kill(pid, signal)
  } catch {
    // It is gone, or not ours to stop: looking again tells which.
  }
  for (let waitedMs = 0; waitedMs < withinMs; waitedMs += POLL_MS) {
    if ((await runningCommand(pid)) === null) return true
    await delay(POLL_MS)
  }
  return false
}

function inUse(clusterPath: string, pid: number): EmbeddedPostgresError {
  return new EmbeddedPostgresError(
    'data_dir_in_use',
    `Another PostgreSQL server (process ${pid}) runs on ${clusterPath}`,
  )
}
