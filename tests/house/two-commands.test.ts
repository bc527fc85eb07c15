import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFile, stat, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { delimiter, dirname, join } from 'node:path'
import { expect, test } from 'vitest'
import type { QuickstartFacts } from '../../apps/server/src/features/quickstart/quickstart-file.ts'
import { runCommand } from '../../scripts/run-command.ts'
import { isRunning, makeDataDir, postmasterPid } from '../support/data-dir.ts'
import { findOnPath } from '../support/find-program.ts'
import { familyOf } from '../support/processes.ts'
import { exitWithin, spawnTurnpike, startTurnpike, superviseTurnpike } from '../support/start-turnpike.ts'
import { waitFor } from '../support/wait-for.ts'

const ROOT = dirname(dirname(import.meta.dirname))
const START_MS = 120_000
/** For what hangs. */
const STOP_MS = 90_000
const SHELLS = ['dash', 'bash'].flatMap((name) => findOnPath([name]) ?? [])

/** As a newcomer has it: without what our own `npm test` put in front. */
function newcomersEnvironment(extra: Record<string, string>): NodeJS.ProcessEnv {
  const { PATH = '', HOME } = process.env
  const dirs = PATH.split(delimiter).filter((dir) => !dir.includes('node_modules'))
  return { PATH: dirs.join(delimiter), HOME, ...extra }
}

function npmStart(dataDir: string, extra: Record<string, string> = {}) {
  const env = newcomersEnvironment({ DATA_DIR: dataDir, PORT: '0', ...extra })
  const npm = superviseTurnpike(spawn('npm', ['start'], { cwd: ROOT, env, stdio: ['ignore', 'pipe', 'pipe'] }))
  let hasEnded = false
  void npm.exited.then(() => {
    hasEnded = true
  })
  return {
    ...npm,
    // A killed npm would leave its children behind.
    [Symbol.asyncDispose]() {
      if (!hasEnded) for (const pid of familyOf(npm.pid)) process.kill(pid, 'SIGKILL')
      return npm[Symbol.asyncDispose]()
    },
  }
}

async function readFacts(dataDir: string): Promise<QuickstartFacts | null> {
  const text = await readFile(join(dataDir, 'quickstart.json'), 'utf8').catch(() => null)
  return text === null ? null : JSON.parse(text)
}

function ready(dataDir: string): Promise<QuickstartFacts> {
  return waitFor('quickstart.json', () => readFacts(dataDir), START_MS)
}

/** A line of the banner, pasted into a shell of the clone. */
async function paste(output: string, start: string): Promise<string> {
  const line = output.split('\n').find((one) => one.startsWith(start))
  if (line === undefined) throw new Error(`no line starts with ${start}: ${output}`)
  const result = await runCommand('sh', ['-c', line], { cwd: ROOT, timeoutMs: 30_000 })
  expect(result.code, result.output).toBe(0)
  return result.output
}

test('npm start prints lines that work when pasted, and the same facts in quickstart.json', {
  timeout: 180_000,
}, async () => {
  await using dir = await makeDataDir()
  await using npm = npmStart(dir.path)
  const facts = await ready(dir.path)
  await waitFor('the end of the banner', () => npm.output().includes('Ctrl-C'), START_MS)

  expect(Object.keys(facts).sort()).toEqual(['adminEmail', 'adminPassword', 'apiKey', 'gatewayUrl', 'panelUrl', 'pid'])
  expect((await stat(join(dir.path, 'quickstart.json'))).mode & 0o777).toBe(0o600)
  const { pid, ...shown } = facts
  for (const fact of Object.values(shown)) expect(npm.output()).toContain(fact)
  expect(isRunning(pid)).toBe(true)
  if (findOnPath(['curl'])) expect(await paste(npm.output(), 'curl ')).toContain('"chat.completion"')
  expect(await paste(npm.output(), 'node ')).not.toBe('')
  const panel = await fetch(facts.panelUrl, { headers: { accept: 'text/html' } })
  expect(await panel.text()).toContain('<!doctype html>')

  process.kill(pid, 'SIGTERM')
  expect(await exitWithin(npm, STOP_MS)).toEqual({ code: 0, signal: null })
  expect(await readFacts(dir.path)).toBeNull()
  expect(await postmasterPid(dir.path)).toBeNull()
})

test.each(SHELLS.flatMap((shell) => (['SIGTERM', 'SIGINT'] as const).map((signal) => [signal, shell] as const)))(
  '%s to npm itself ends everything, with %s as its shell',
  { timeout: 180_000 },
  async (signal, shell) => {
    await using dir = await makeDataDir()
    await using npm = npmStart(dir.path, { npm_config_script_shell: shell })
    const { pid } = await ready(dir.path)
    npm.signal(signal)
    expect(await exitWithin(npm, STOP_MS)).toEqual({ code: 0, signal: null })
    await waitFor('the server to end', () => !isRunning(pid), STOP_MS)
    expect(await readFacts(dir.path)).toBeNull()
    expect(await postmasterPid(dir.path)).toBeNull()
  },
)

test('every start shows the same key and password, also after kill -9, and keeps the data', {
  timeout: 180_000,
}, async () => {
  await using dir = await makeDataDir()
  const seen = new Set<string>()
  for (const ending of ['SIGTERM', 'SIGKILL', 'SIGINT'] as const) {
    await using turnpike = await startTurnpike({ dataDir: dir.path })
    const { apiKey, adminEmail, adminPassword, gatewayUrl } = turnpike.facts
    seen.add(`${apiKey} ${adminEmail} ${adminPassword}`)
    const models = await fetch(`${gatewayUrl}/models`, { headers: { authorization: `Bearer ${apiKey}` } })
    expect(models.status).toBe(200)
    await models.text()
    turnpike.signal(ending)
    const { code } = await exitWithin(turnpike, STOP_MS)
    if (ending !== 'SIGKILL') expect(code).toBe(0)
  }
  expect(seen.size).toBe(1)
})

test('says what to do when the port is taken', async () => {
  await using dir = await makeDataDir()
  const other = createServer().listen(0, '127.0.0.1')
  await once(other, 'listening')
  const address = other.address()
  const port = address !== null && typeof address === 'object' ? address.port : 0
  try {
    const output = await refusal(dir.path, { PORT: String(port) })
    expect(output).toContain('The port is in use. Stop the other program, or choose another port')
    expect(await postmasterPid(dir.path)).toBeNull()
  } finally {
    other.close()
  }
})

test('names every bad value of the environment at once', async () => {
  await using dir = await makeDataDir()
  const output = await refusal(dir.path, {
    PORT: '99999',
    TURNPIKE_SECRET_KEY: 'short',
    OPS_WS_ORIGIN_POLICY: 'lenient',
    TURNPIKE_TYPO: '1',
  })
  for (const name of ['PORT', 'TURNPIKE_SECRET_KEY', 'OPS_WS_ORIGIN_POLICY', 'TURNPIKE_TYPO']) {
    expect(output).toContain(`- ${name}`)
  }
})

test('says what to do when the data directory cannot be written', async () => {
  await using dir = await makeDataDir()
  const file = join(dir.path, 'file')
  await writeFile(file, '')
  expect(await refusal(file)).toMatch(/DATA_DIR|data directory/)
})

test('says what to do when the database cannot be reached', async () => {
  await using dir = await makeDataDir()
  expect(await refusal(dir.path, { DATABASE_URL: 'postgres://nobody@127.0.0.1:1/none' })).toContain(
    'Check DATABASE_URL',
  )
})

test('a second start in the same data directory leaves the first alone', { timeout: 180_000 }, async () => {
  await using dir = await makeDataDir()
  await using first = await startTurnpike({ dataDir: dir.path })
  expect(await refusal(dir.path)).toMatch(/Another Turnpike runs on/)
  expect(await readFacts(dir.path)).toEqual(first.facts)
  expect(await first.stop()).toEqual({ code: 0, signal: null })
})

/** What it says when it does not start: short, and no stack. */
async function refusal(dataDir: string, env: Record<string, string> = {}): Promise<string> {
  await using turnpike = spawnTurnpike({ dataDir, env })
  expect(await exitWithin(turnpike, STOP_MS)).toEqual({ code: 1, signal: null })
  const output = turnpike.output()
  expect(output).not.toMatch(/\n {4}at /)
  return output
}
