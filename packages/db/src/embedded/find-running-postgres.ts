import { readFile } from 'node:fs/promises'
import { join } from 'node:path'

/** Line of `postmaster.pid` that holds the port (PostgreSQL's pidfile.h). */
const PORT_LINE = 3

/** The URL of the embedded server that another process runs in `dataDir`; null where none has been started there. */
export async function findRunningPostgres(dataDir: string): Promise<string | null> {
  try {
    const password = (await readFile(join(dataDir, 'password'), 'utf8')).trim()
    const lines = (await readFile(join(dataDir, 'cluster', 'postmaster.pid'), 'utf8')).split('\n')
    const port = Number(lines[PORT_LINE])
    return Number.isInteger(port) && port > 0 ? `postgres://postgres:${password}@127.0.0.1:${port}/turnpike` : null
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return null
    throw error
  }
}
