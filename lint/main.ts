import { globSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { findLiteralText } from './literal-text.ts'

const FIX = 'write it into apps/admin/messages/*.json and say it with m.…(), or mark the element translate="no"'

/** Lints the components below a folder (the first argument, or the panel) for text that no message holds. */
async function run(dir: string): Promise<void> {
  let count = 0
  for (const file of globSync('**/*.svelte', { cwd: dir }).sort()) {
    const path = join(dir, file)
    for (const { line, column, text } of findLiteralText(await readFile(path, 'utf8'))) {
      count += 1
      process.stderr.write(`${path}:${line}:${column} literal text "${text}": ${FIX}\n`)
    }
  }
  if (count > 0) process.exitCode = 1
}

await run(process.argv[2] ?? 'apps/admin/src')
