import { existsSync } from 'node:fs'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { processState } from './processes.ts'
import { waitFor } from './wait-for.ts'

export interface DataDir extends AsyncDisposable {
  path: string
}

const MEMORY = '/dev/shm'
const SERVER_GONE_MS = 20_000

/** A data directory for servers of one test; gone after use, with the database server that a killed one left behind. */
export async function makeDataDir(): Promise<DataDir> {
  const path = await mkdtemp(join(existsSync(MEMORY) ? MEMORY : tmpdir(), 'turnpike-test-'))
  return {
    path,
    async [Symbol.asyncDispose]() {
      await endPostmaster(path)
      // Backends of a killed server may still be writing their last words.
      await rm(path, { recursive: true, force: true, maxRetries: 10 })
    },
  }
}

/** Process of the embedded database server; null where none runs. */
export async function postmasterPid(dataDir: string): Promise<number | null> {
  const pid = Number((await postmasterFile(dataDir))[0])
  return pid > 0 && isRunning(pid) ? pid : null
}

/** How to reach the embedded database of a running Turnpike. */
export async function embeddedUrl(dataDir: string): Promise<string> {
  const port = (await postmasterFile(dataDir))[3]
  const password = (await readFile(join(dataDir, 'postgres/password'), 'utf8')).trim()
  return `postgres://postgres:${password}@127.0.0.1:${port}/turnpike`
}

/** False for a zombie: a container's first process may never reap it. */
export function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0)
  } catch {
    return false
  }
  return processState(pid) !== 'Z'
}

async function postmasterFile(dataDir: string): Promise<string[]> {
  return (await readFile(join(dataDir, 'postgres/cluster/postmaster.pid'), 'utf8').catch(() => '')).split('\n')
}

async function endPostmaster(dataDir: string): Promise<void> {
  const pid = await postmasterPid(dataDir)
  if (pid === null) return
  // A frozen one has to go on before it can end.
  for (const signal of ['SIGCONT', 'SIGQUIT'] as const) process.kill(pid, signal)
  await waitFor('the database server to end', () => !isRunning(pid), SERVER_GONE_MS)
}
