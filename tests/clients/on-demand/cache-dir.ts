import { mkdir } from 'node:fs/promises'
import { homedir } from 'node:os'
import { join } from 'node:path'

/** Where programs that are too large for our own lock file stay between runs. */
export async function cacheDir(name: string): Promise<string> {
  const base = process.env.XDG_CACHE_HOME || join(homedir(), '.cache')
  const dir = join(base, 'turnpike-tests', name)
  await mkdir(dir, { recursive: true })
  return dir
}
