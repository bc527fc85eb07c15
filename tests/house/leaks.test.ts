import { join } from 'node:path'
import { stripVTControlCharacters } from 'node:util'
import { expect, test } from 'vitest'
import { runCommand } from '../../scripts/run-command.ts'

const CASES = join(import.meta.dirname, '__fixtures__/leaks')

async function runCase(name: string) {
  const args = ['run', '--config', join(CASES, 'vitest.config.ts'), name]
  const { code, output } = await runCommand('vitest', args, { cwd: CASES, timeoutMs: 180_000 })
  return { code, output: stripVTControlCharacters(output) }
}

test('a test file that leaves something behind fails, and hears what it was', async () => {
  const { code, output } = await runCase('leaves-everything')
  expect(code).toBe(1)
  const message = /This file leaves behind: .*/.exec(output)?.[0]
  for (const kind of ['Timeout', 'TCPServerWrap', 'TCPSocketWrap', 'ProcessWrap', 'Worker']) {
    expect(message).toContain(kind)
  }
})

test('a test file that closes what it opens passes', async () => {
  expect((await runCase('closes-everything')).code).toBe(0)
})
