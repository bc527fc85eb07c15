import { randomBytes } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import { hostname } from 'node:os'
import { join } from 'node:path'

const FILE = 'instance-id'
const ID = /^[A-Za-z0-9._-]{1,80}$/

/** The name under which operators see this instance, the same after each restart on the same data directory. */
export function instanceIdOf(dataDir: string): string {
  const file = join(dataDir, FILE)
  const stored = read(file)
  if (stored !== null) return stored
  const host =
    hostname()
      .replaceAll(/[^A-Za-z0-9._-]/g, '-')
      .slice(0, 60) || 'instance'
  const id = `${host}-${randomBytes(2).toString('hex')}`
  writeFileSync(file, `${id}\n`, { mode: 0o600 })
  return id
}

function read(file: string): string | null {
  try {
    const id = readFileSync(file, 'utf8').trim()
    return ID.test(id) ? id : null
  } catch {
    return null
  }
}
