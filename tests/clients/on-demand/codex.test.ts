import { existsSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { runCommand } from '../../../scripts/run-command.ts'
import { type ClientWorld, openClientWorld, UPSTREAMS } from '../client-world.ts'
import { GREETING } from '../foreign-answers.ts'
import { cacheDir } from './cache-dir.ts'

const VERSION = '0.169.0'
const INSTALL_MS = 300_000
const ASK_MS = 60_000

let world: ClientWorld
let codex: string

beforeAll(async () => {
  codex = await installCodex()
  world = await openClientWorld()
}, INSTALL_MS + 60_000)
afterAll(() => world[Symbol.asyncDispose]())

test.each(UPSTREAMS)(
  'codex exec gets its answer at the first try, %s behind it',
  { timeout: ASK_MS + 10_000 },
  async (upstream) => {
    const { baseURL, apiKey, model } = world.doors[upstream]
    const home = await mkdtemp(join(tmpdir(), 'turnpike-codex-'))
    try {
      await writeFile(join(home, 'config.toml'), configuration(baseURL, model))
      const args = ['exec', '--json', '--skip-git-repo-check', '--cd', home, 'Good morning']
      const { code, output } = await runCommand(codex, args, {
        cwd: home,
        env: { PATH: process.env.PATH, HOME: home, CODEX_HOME: home, TURNPIKE_KEY: apiKey },
        timeoutMs: ASK_MS,
      })
      expect(code, output).toBe(0)
      const events = output.split('\n').flatMap((line) => (line.startsWith('{') ? [JSON.parse(line)] : []))
      const message = events.find(({ type, item }) => type === 'item.completed' && item.type === 'agent_message')
      if (upstream === 'aimock') expect(message?.item.text).toBe(GREETING)
      else expect(message?.item.text).toContain('Good morning')
      const end = events.find(({ type }) => type === 'turn.completed')
      expect(end?.usage.output_tokens).toBeGreaterThan(0)
      expect(events.filter(({ type }) => type === 'error' || type === 'turn.failed')).toEqual([])
    } finally {
      await rm(home, { recursive: true, force: true })
    }
  },
)

/** As our README tells a user to write it. */
function configuration(baseURL: string, model: string): string {
  return `model = "${model}"
model_provider = "turnpike"

[model_providers.turnpike]
name = "Turnpike"
base_url = "${baseURL}"
env_key = "TURNPIKE_KEY"
wire_api = "responses"
`
}

/** 404 MB, so on demand, once, and outside of our lock file. */
async function installCodex(): Promise<string> {
  const dir = await cacheDir(`codex-${VERSION}`)
  const binary = join(dir, 'node_modules', '.bin', 'codex')
  if (existsSync(join(dir, 'installed'))) return binary
  const args = ['install', '--prefix', dir, '--no-audit', '--no-fund', '--ignore-scripts', `@openai/codex@${VERSION}`]
  const { code, output } = await runCommand('npm', args, { cwd: dir, timeoutMs: INSTALL_MS })
  if (code !== 0) throw new Error(`Codex could not be installed: ${output}`)
  await writeFile(join(dir, 'installed'), VERSION)
  return binary
}
