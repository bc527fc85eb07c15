import { existsSync } from 'node:fs'
import { readFile, symlink } from 'node:fs/promises'
import { dirname, join, relative } from 'node:path'
import { EmbeddedPostgresError } from './embedded-postgres-error.ts'

export interface Binaries {
  postgres: string
  initdb: string
}

/**
 * The PostgreSQL programs npm installed for this platform, ready to run.
 *
 * @throws EmbeddedPostgresError `platform_unsupported`, `binaries_unusable`
 */
export async function findBinaries(): Promise<Binaries> {
  const name = `@embedded-postgres/${process.platform}-${process.arch}`
  const binaries = await load(name)
  await linkLibraries(dirname(dirname(dirname(binaries.postgres))))
  return binaries
}

async function load(name: string): Promise<Binaries> {
  try {
    const loaded: Partial<Binaries> = await import(name)
    const { postgres, initdb } = loaded
    if (postgres && initdb && existsSync(postgres)) return { postgres, initdb }
  } catch (cause) {
    throw new EmbeddedPostgresError(
      'platform_unsupported',
      `There is no embedded PostgreSQL for ${process.platform}-${process.arch}: set DATABASE_URL to a server of yours`,
      { cause },
    )
  }
  throw new EmbeddedPostgresError('binaries_unusable', `${name} is incomplete: run npm ci again`)
}

/** npm packages cannot carry symbolic links; the package makes them in an install script, which does not run here. */
export async function linkLibraries(packageDir: string): Promise<void> {
  const list = join(packageDir, 'native', 'pg-symlinks.json')
  if (!existsSync(list)) return
  const links: { source: string; target: string }[] = JSON.parse(await readFile(list, 'utf8'))
  for (const { source, target } of links) {
    const path = join(packageDir, target)
    if (existsSync(path)) continue
    try {
      await symlink(relative(dirname(path), join(packageDir, source)), path)
    } catch (cause) {
      if (existsSync(path)) continue
      throw new EmbeddedPostgresError(
        'binaries_unusable',
        `Cannot link ${path}: make it writable once, or run npm ci`,
        {
          cause,
        },
      )
    }
  }
}
