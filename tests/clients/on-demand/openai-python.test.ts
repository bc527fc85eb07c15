import { existsSync } from 'node:fs'
import { rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { runCommand } from '../../../scripts/run-command.ts'
import { findOnPath } from '../../support/find-program.ts'
import { type ClientWorld, openClientWorld, UPSTREAMS } from '../client-world.ts'
import { GREETING, TOOL } from '../foreign-answers.ts'
import { cacheDir } from './cache-dir.ts'

const VERSION = '3.54.0'
const INSTALL_MS = 300_000
const RUN_MS = 60_000
const PROGRAM = join(import.meta.dirname, 'openai_python.py')
const systemPython = findOnPath(['python3'])

describe.skipIf(systemPython === undefined)('openai-python', () => {
  let world: ClientWorld
  let python: string

  beforeAll(async () => {
    python = await installClient(systemPython ?? 'python3')
    world = await openClientWorld()
  }, INSTALL_MS + 60_000)
  afterAll(() => world[Symbol.asyncDispose]())

  test.each(UPSTREAMS)(
    'chats, streams, responds and calls tools, %s behind it',
    { timeout: RUN_MS + 10_000 },
    async (upstream) => {
      const { baseURL, apiKey, model } = world.doors[upstream]
      const { code, output } = await runCommand(python, [PROGRAM], {
        env: { PATH: process.env.PATH, BASE_URL: baseURL, API_KEY: apiKey, MODEL: model },
        timeoutMs: RUN_MS,
      })
      expect(code, output).toBe(0)
      const said = JSON.parse(output)
      expect(said).toMatchObject({
        lastEvent: 'response.completed',
        tool: TOOL,
        models: [model],
        refused: 401,
        streamed: said.chat,
        responseStreamed: said.response,
      })
      for (const text of [said.chat, said.response]) {
        if (upstream === 'aimock') expect(text).toBe(GREETING)
        else expect(text).toContain('Good morning')
      }
      expect(Math.min(said.chatTokens, said.streamedTokens)).toBeGreaterThan(0)
    },
  )
})

/** A virtual environment of its own; the system's Python stays as it is. */
async function installClient(systemPython: string): Promise<string> {
  const dir = await cacheDir(`openai-python-${VERSION}`)
  const python = join(dir, 'venv', 'bin', 'python')
  if (existsSync(join(dir, 'installed'))) return python
  await rm(join(dir, 'venv'), { recursive: true, force: true })
  await expectSuccess(systemPython, ['-m', 'venv', join(dir, 'venv')])
  await expectSuccess(python, ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', `openai==${VERSION}`])
  await writeFile(join(dir, 'installed'), VERSION)
  return python
}

async function expectSuccess(command: string, args: string[]): Promise<void> {
  const { code, output } = await runCommand(command, args, { timeoutMs: INSTALL_MS })
  if (code !== 0) throw new Error(`${command} ${args.join(' ')} failed: ${output}`)
}
