import { spawnSync } from 'node:child_process'
import { existsSync, lchownSync, readdirSync, statSync } from 'node:fs'
import { userInfo } from 'node:os'
import { join } from 'node:path'
import { EmbeddedPostgresError } from './embedded-postgres-error.ts'

export interface Command {
  file: string
  args: string[]
  uid?: number
  gid?: number
}

/** How programs are run so that PostgreSQL accepts its user, and so that they end when we are killed. */
export interface Unprivileged {
  kind: 'direct' | 'user-namespace' | 'setuid'
  command(file: string, args: string[]): Command
  /** Gives a path and what is below it to the user the programs run as. */
  own(path: string): void
}

const NOBODY = 65_534
const PROBE_TIMEOUT_MS = 5_000
const NAMESPACE = ['-U', `--map-user=${NOBODY}`, `--map-group=${NOBODY}`, '--']

/**
 * PostgreSQL refuses root, and initdb a user id without a name: then a user namespace lends another id (files stay
 * ours), or, where that is not allowed and we are root, the programs run as `nobody`, or as who owns `dataDir` already.
 */
export function chooseUnprivileged(dataDir: string, postgres: string): Unprivileged {
  const wrapper = deathSignal()
  const uid = process.getuid?.()
  if (uid === undefined || (uid !== 0 && hasName())) return direct(wrapper)
  const owner = existsSync(dataDir) ? statSync(dataDir) : undefined
  const ownerUid = owner?.uid ?? uid
  if (ownerUid === uid && runs('unshare', [...NAMESPACE, postgres, '-V'])) return userNamespace(wrapper)
  if (uid !== 0) return direct(wrapper)
  if (process.platform === 'darwin') {
    throw new EmbeddedPostgresError('start_failed', 'The embedded PostgreSQL cannot run as root: use an ordinary user')
  }
  return setuid(wrapper, ownerUid || NOBODY, owner?.uid ? owner.gid : NOBODY)
}

/** A fast shutdown (SIGINT) from the kernel when the thread that spawned the program is gone; Linux only. */
function deathSignal(): string[] {
  return runs('setpriv', ['--pdeathsig', 'INT', 'true']) ? ['setpriv', '--pdeathsig', 'INT', '--'] : []
}

function direct(wrapper: string[]): Unprivileged {
  return { kind: 'direct', command: (file, args) => toCommand([...wrapper, file, ...args]), own: () => {} }
}

function userNamespace(wrapper: string[]): Unprivileged {
  return {
    kind: 'user-namespace',
    command: (file, args) => toCommand(['unshare', ...NAMESPACE, ...wrapper, file, ...args]),
    own: () => {},
  }
}

function setuid(wrapper: string[], uid: number, gid: number): Unprivileged {
  return {
    kind: 'setuid',
    command: (file, args) => ({ ...toCommand([...wrapper, file, ...args]), uid, gid }),
    own: (path) => chownAll(path, uid, gid),
  }
}

function chownAll(path: string, uid: number, gid: number): void {
  const stat = statSync(path)
  if (stat.uid !== uid) lchownSync(path, uid, gid)
  if (!stat.isDirectory()) return
  for (const entry of readdirSync(path, { withFileTypes: true })) {
    if (!entry.isSymbolicLink()) chownAll(join(path, entry.name), uid, gid)
  }
}

function toCommand([file = '', ...args]: string[]): Command {
  return { file, args }
}

function runs(file: string, args: string[]): boolean {
  return spawnSync(file, args, { stdio: 'ignore', timeout: PROBE_TIMEOUT_MS }).status === 0
}

function hasName(): boolean {
  try {
    return userInfo().username !== ''
  } catch {
    return false
  }
}
