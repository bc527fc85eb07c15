import { type ChildProcess, spawn } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { QuickstartFacts } from '../../apps/server/src/features/quickstart/quickstart-file.ts'
import { waitFor } from './wait-for.ts'

const MAIN = fileURLToPath(new URL('../../apps/server/src/main.ts', import.meta.url))
/** As `npm start` runs it. */
const NODE_FLAGS = ['--min-semi-space-size=32', '--max-semi-space-size=32', '--no-memory-reducer']
const START_MS = 180_000
const STOP_MS = 90_000
/** For what hangs. */
const READY_MS = 20_000

export interface TurnpikeExit {
  code: number | null
  signal: NodeJS.Signals | null
}

export interface TurnpikeProcess extends AsyncDisposable {
  pid: number
  /** Everything it printed so far. */
  output(): string
  exited: Promise<TurnpikeExit>
  signal(name: NodeJS.Signals): void
}

export interface Turnpike extends TurnpikeProcess {
  facts: QuickstartFacts
  dataDir: string
  /** Base address without `/v1`. */
  origin: string
  /** Lines of its log. */
  log(): Promise<LogLine[]>
  /** TERM, and until it is gone. */
  stop(): Promise<TurnpikeExit>
}

export interface LogLine {
  level: number
  msg: string
}

export interface StartOptions {
  dataDir: string
  env?: Record<string, string>
}

/** The real server as a process of its own, quick start unless `env` says otherwise. Killed where the test does not stop it. */
export function spawnTurnpike({ dataDir, env = {} }: StartOptions): TurnpikeProcess {
  const child = spawn(process.execPath, [...NODE_FLAGS, MAIN], {
    env: { PATH: process.env.PATH, HOME: process.env.HOME, DATA_DIR: dataDir, PORT: '0', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  return superviseTurnpike(child)
}

/** Resolves when it is ready to be used, as `quickstart.json` says. */
export async function startTurnpike(options: StartOptions): Promise<Turnpike> {
  const { dataDir } = options
  const turnpike = spawnTurnpike(options)
  try {
    const facts = await waitFor('Turnpike to be ready', () => ready(turnpike, dataDir), START_MS)
    return {
      ...turnpike,
      facts,
      dataDir,
      origin: facts.gatewayUrl.replace(/\/v1$/, ''),
      log: () => readLog(dataDir),
      stop() {
        turnpike.signal('SIGTERM')
        return exitWithin(turnpike, STOP_MS)
      },
    }
  } catch (error) {
    await turnpike[Symbol.asyncDispose]()
    throw error
  }
}

/** What `/readyz` says. */
export async function readiness({ origin }: Pick<Turnpike, 'origin'>) {
  const response = await fetch(`${origin}/readyz`, { signal: AbortSignal.timeout(READY_MS) })
  const body: { status: string; missing: string[] } = JSON.parse(await response.text())
  return { status: response.status, body }
}

/** How it ended; throws with what it printed where it does not. */
export async function exitWithin({ exited, output }: TurnpikeProcess, ms: number): Promise<TurnpikeExit> {
  const { promise, reject } = Promise.withResolvers<never>()
  const timer = setTimeout(() => reject(new Error(`Turnpike still runs after ${ms} ms: ${output()}`)), ms)
  try {
    return await Promise.race([exited, promise])
  } finally {
    clearTimeout(timer)
  }
}

async function ready(turnpike: TurnpikeProcess, dataDir: string): Promise<QuickstartFacts | null> {
  const early = await Promise.race([turnpike.exited, null])
  if (early) throw new Error(`Turnpike ended while starting (${early.code ?? early.signal}): ${turnpike.output()}`)
  const text = await readFile(join(dataDir, 'quickstart.json'), 'utf8').catch(() => null)
  if (text === null) return null
  const facts: QuickstartFacts = JSON.parse(text)
  return facts.pid === turnpike.pid ? facts : null
}

/** Watches a process that is, or starts, a server. */
export function superviseTurnpike(child: ChildProcess): TurnpikeProcess {
  let output = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding('utf8').on('data', (text: string) => {
      output += text
    })
  }
  let isGone = false
  const exited = new Promise<TurnpikeExit>((resolve) => {
    child.once('close', (code, signal) => {
      isGone = true
      resolve({ code, signal })
    })
  })
  return {
    pid: child.pid ?? 0,
    output: () => output,
    exited,
    signal: (name) => void child.kill(name),
    async [Symbol.asyncDispose]() {
      if (!isGone) child.kill('SIGKILL')
      await exited
    },
  }
}

async function readLog(dataDir: string): Promise<LogLine[]> {
  const text = await readFile(join(dataDir, 'turnpike.log'), 'utf8')
  // A killed process may have left half a line.
  return text.split('\n').flatMap((line) => (line.endsWith('}') ? [JSON.parse(line)] : []))
}
