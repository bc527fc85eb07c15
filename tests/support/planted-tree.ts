import { cp, mkdir, mkdtemp, readdir, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'

export interface PlantedTree extends AsyncDisposable {
  dir: string
}

const ROOT = dirname(dirname(import.meta.dirname))
const WORKSPACES = ['packages/core', 'packages/db', 'packages/client', 'packages/sandbox', 'apps/server', 'apps/admin']
const CONFIGURATION = [
  '.dependency-cruiser.cjs',
  '.oxlintrc.json',
  'biome.json',
  'lint',
  'package.json',
  'tsconfig.base.json',
]

/** A house with our manifests, rules and libraries, and in it nothing but `files`: to see what the rules say to them. */
export async function plantTree(files: Record<string, string>): Promise<PlantedTree> {
  const dir = await mkdtemp(join(tmpdir(), 'turnpike-planted-'))
  for (const path of CONFIGURATION) await cp(join(ROOT, path), join(dir, path), { recursive: true })
  for (const workspace of WORKSPACES) {
    await mkdir(join(dir, workspace), { recursive: true })
    await cp(join(ROOT, workspace, 'package.json'), join(dir, workspace, 'package.json'))
    if (workspace !== 'apps/admin')
      await cp(join(ROOT, workspace, 'tsconfig.json'), join(dir, workspace, 'tsconfig.json'))
  }
  await linkLibraries(dir)
  await writeFile(join(dir, '.gitignore'), 'node_modules\n')
  await mkdir(join(dir, '.git'))
  for (const [path, content] of Object.entries(files)) {
    await mkdir(dirname(join(dir, path)), { recursive: true })
    await writeFile(join(dir, path), content)
  }
  return { dir, [Symbol.asyncDispose]: () => rm(dir, { recursive: true, force: true }) }
}

/** Libraries are ours, workspaces the tree's own. */
async function linkLibraries(dir: string): Promise<void> {
  const modules = join(dir, 'node_modules')
  await mkdir(join(modules, '@turnpike'), { recursive: true })
  for (const name of await readdir(join(ROOT, 'node_modules'))) {
    if (name !== '@turnpike') await symlink(join(ROOT, 'node_modules', name), join(modules, name))
  }
  for (const workspace of WORKSPACES) {
    await symlink(join(dir, workspace), join(modules, '@turnpike', workspace.split('/').at(-1) ?? workspace))
  }
}
