import { randomUUID } from 'node:crypto'
import { link, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { EmbeddedPostgresError } from './embedded-postgres-error.ts'
import { inspectProcess } from './inspect-process.ts'

const MAX_TRIES = 10

/**
 * Makes this process the only one that may start or stop a server in `dataDir`, until `release()` or its death.
 *
 * @throws EmbeddedPostgresError `data_dir_in_use` while another process lives that locked it.
 */
export async function lockDataDir(dataDir: string): Promise<{ release(): Promise<void> }> {
  const path = join(dataDir, 'owner')
  const own = `${process.pid} ${(await inspectProcess(process.pid))?.startedAt ?? ''}`
  for (let attempt = 0; attempt < MAX_TRIES; attempt++) {
    if (await createWhole(path, own)) return { release: () => rm(path, { force: true }) }
    const holder = await readFile(path, 'utf8').catch(() => null)
    if (holder === null) continue
    if (await isAlive(holder)) {
      throw new EmbeddedPostgresError('data_dir_in_use', `${dataDir} is in use by process ${holder.split(' ')[0]}`)
    }
    await removeStale(path, holder)
  }
  throw new EmbeddedPostgresError('data_dir_in_use', `${dataDir} is being locked by other processes`)
}

/** Linking a finished file under the name is the only way to create it with its content in one step. */
async function createWhole(path: string, content: string): Promise<boolean> {
  const draft = `${path}.${randomUUID()}`
  await writeFile(draft, content, { mode: 0o600 })
  try {
    await link(draft, path)
    return true
  } catch (error) {
    if (isExisting(error)) return false
    throw error
  } finally {
    await rm(draft, { force: true })
  }
}

/** Two processes may find the same dead holder: who moved a newer lock aside by mistake puts it back. */
async function removeStale(path: string, holder: string): Promise<void> {
  const aside = `${path}.${randomUUID()}`
  try {
    await rename(path, aside)
  } catch {
    // The other one was faster.
    return
  }
  if ((await readFile(aside, 'utf8')) !== holder) await link(aside, path).catch(() => {})
  await rm(aside, { force: true })
}

async function isAlive(holder: string): Promise<boolean> {
  const [pid, ...startedAt] = holder.split(' ')
  const facts = await inspectProcess(Number(pid))
  return facts !== null && facts.startedAt === startedAt.join(' ')
}

function isExisting(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'EEXIST'
}
