import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { runCommand } from '../../scripts/run-command.ts'
import { isRunning } from '../support/data-dir.ts'
import { waitFor } from '../support/wait-for.ts'

const MODULE = join(import.meta.dirname, '../../scripts/run-command.ts')
/** Starts a process that outlives its parent, and says its id. */
const PARENT = ['-c', 'sleep 30 & echo $!; wait']

test('tells the end of a command and what it said', async () => {
  expect(await runCommand('sh', ['-c', 'echo out; echo err >&2; exit 3'], { timeoutMs: 10_000 })).toMatchObject({
    code: 3,
    output: expect.stringMatching(/out\n|err\n/),
  })
})

test('a command that is not there fails, saying so', async () => {
  const { code, output } = await runCommand('no-such-program', [], { timeoutMs: 10_000 })
  expect(code).toBe(1)
  expect(output).toContain('ENOENT')
})

test('past its time a command ends with everything it started', async () => {
  const { code, output } = await runCommand('sh', PARENT, { timeoutMs: 300 })
  expect(code).not.toBe(0)
  expect(output).toContain('took more than 0.3 s and was stopped')
  await waitFor('its child to end', () => !isRunning(Number.parseInt(output, 10)), 5_000)
})

test('a signal ends what runs, with everything it started', async () => {
  const script = `
    import { endCommandsOnSignal, runCommand } from ${JSON.stringify(MODULE)}
    endCommandsOnSignal()
    await runCommand('sh', ${JSON.stringify(PARENT)}, { timeoutMs: 60_000, isShown: true })`
  const runner = spawn(process.execPath, ['--input-type=module', '-e', script], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const [said] = await once(runner.stdout, 'data')
  runner.kill('SIGTERM')
  expect((await once(runner, 'exit'))[0]).toBe(143)
  await waitFor('the command to end', () => !isRunning(Number.parseInt(String(said), 10)), 5_000)
})
