import { cp, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join, relative } from 'node:path'
import { type CommandResult, runCommand } from '../run-command.ts'

const CURE = 'The schema has changed and drizzle/ has not: run `npm run db:generate` and commit what it makes.'

/** Generates migrations into a copy of drizzle/: the schema and the migrations agree when nothing comes out. */
export async function checkMigrations(root: string): Promise<CommandResult> {
  const scratch = join(root, '.turbo')
  await mkdir(scratch, { recursive: true })
  const dir = await mkdtemp(join(scratch, 'drizzle-'))
  try {
    const out = join(dir, 'out')
    await cp(join(root, 'drizzle'), out, { recursive: true })
    const config = join(dir, 'drizzle.config.ts')
    const settings = { base: join(root, 'drizzle.config.ts'), out: `./${relative(root, out)}` }
    await writeFile(config, `import base from '${settings.base}'\nexport default { ...base, out: '${settings.out}' }\n`)
    const result = await runCommand('drizzle-kit', ['generate', `--config=${relative(root, config)}`], {
      cwd: root,
      timeoutMs: 60_000,
    })
    if (result.code !== 0) return result
    const isSame = (await contentOf(join(root, 'drizzle'))) === (await contentOf(out))
    return isSame ? result : { ...result, code: 1, output: `${CURE}\n\n${result.output}` }
  } finally {
    await rm(dir, { recursive: true, force: true })
  }
}

async function contentOf(dir: string): Promise<string> {
  const entries = await readdir(dir, { recursive: true, withFileTypes: true })
  const files = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name))
  const contents = files.sort().map(async (file) => `${relative(dir, file)}\n${await readFile(file, 'utf8')}`)
  return (await Promise.all(contents)).join('\n')
}
