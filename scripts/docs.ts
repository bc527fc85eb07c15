import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { apiPage } from './docs/api-page.ts'
import { errorsPage } from './docs/errors-page.ts'

/** Writes the pages that are made from the code; with `--check` it fails where they are not what it would write. */
const root = join(import.meta.dirname, '..')
const isCheck = process.argv.includes('--check')

for (const [name, page] of [
  ['docs/api.md', apiPage()],
  ['docs/errors.md', errorsPage()],
] as const) {
  const path = join(root, name)
  const text = `${page}\n`
  if (!isCheck) await writeFile(path, text)
  else if ((await readFile(path, 'utf8').catch(() => '')) !== text) {
    process.stderr.write(`${name} does not say what the code does: run \`npm run docs\` and commit what it makes.\n`)
    process.exitCode = 1
  }
}
