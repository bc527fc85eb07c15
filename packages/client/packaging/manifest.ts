import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const [act, folder = fileURLToPath(new URL('..', import.meta.url))] = process.argv.slice(2)
const MANIFEST = join(folder, 'package.json')
const KEPT = join(folder, '.package.json.source')

/**
 * The repository uses the client's sources, an installed package what was built of them: while npm packs, the manifest is
 * the published one. What an interrupted run left behind is put back by the next.
 */
if (act === 'published') publish()
else restore()

function publish(): void {
  restore()
  const source = readFileSync(MANIFEST, 'utf8')
  const { name, version, license, type } = JSON.parse(source)
  const exports = { '.': { types: './dist/index.d.ts', default: './dist/index.js' } }
  writeFileSync(KEPT, source)
  writeFileSync(
    MANIFEST,
    `${JSON.stringify({ name, version, license, type, exports, types: './dist/index.d.ts', files: ['dist'] }, null, 2)}\n`,
  )
}

function restore(): void {
  if (existsSync(KEPT)) renameSync(KEPT, MANIFEST)
}
