import { mkdirSync, renameSync } from 'node:fs'
import { mkdir, readdir, rename, stat } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { type DirectoryLock, lockDirectory } from '../lock-directory.ts'
import type { Log } from '../logger.ts'

/** A directory of the journal and the lock that makes it ours. */
export interface Held {
  directory: string
  lock: DirectoryLock
}

const DAMAGED = 'damaged'

/** A directory of our own. It appears under its name only when it is locked, so that nobody takes it for a dead one. */
export function makeDirectory(root: string, name: string): Held {
  const making = join(root, `.${name}`)
  mkdirSync(making, { recursive: true, mode: 0o700 })
  const lock = lockDirectory(making)
  if (lock === null) throw new Error(`${making} is somebody else's`)
  const directory = join(root, name)
  renameSync(making, directory)
  return { directory, lock }
}

/** Takes the directories whose process is dead. One that cannot be taken is left as it is, and reported. */
export async function takeDead(root: string, log: Log): Promise<Held[]> {
  const entries = await readdir(root, { withFileTypes: true }).catch(() => [])
  const names = entries.filter((entry) => entry.isDirectory()).map(({ name }) => name)
  const dead: Held[] = []
  for (const name of names.toSorted()) {
    if (name === DAMAGED || name.startsWith('.')) continue
    const directory = join(root, name)
    try {
      const lock = lockDirectory(directory)
      if (lock !== null) dead.push({ directory, lock })
    } catch (error) {
      log.error({ err: error, directory: name }, 'a journal directory cannot be taken; it is left as it is')
    }
  }
  return dead
}

/** Moves a directory where it is neither adopted nor removed. */
export async function setAside(directory: string): Promise<void> {
  const aside = join(dirname(directory), DAMAGED)
  await mkdir(aside, { recursive: true, mode: 0o700 })
  await rename(directory, join(aside, basename(directory)))
}

/** The segments of a directory that nobody writes any more, in order. */
export async function segmentsOf(directory: string) {
  const names = (await readdir(directory)).filter((name) => /^\d{8}\.log$/.test(name)).toSorted()
  const segments = names.map(async (name) => {
    const { size } = await stat(join(directory, name))
    return { number: Number.parseInt(name, 10), bytes: size, isOpen: false }
  })
  return Promise.all(segments)
}
