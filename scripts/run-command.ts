import { type ChildProcess, type StdioOptions, spawn } from 'node:child_process'
import { constants } from 'node:os'

export interface CommandResult {
  code: number
  output: string
  durationMs: number
}

export interface CommandOptions {
  cwd?: string
  env?: NodeJS.ProcessEnv
  timeoutMs: number
  /** Shown as it comes instead of kept. */
  isShown?: boolean
}

const KEPT_CHARACTERS = 200_000
const KILL_AFTER_MS = 5_000

const running = new Set<ChildProcess>()

/** Runs a command to its end; never rejects. Past its time it is stopped, and the output says so. */
export function runCommand(command: string, args: string[], options: CommandOptions): Promise<CommandResult> {
  const startMs = performance.now()
  return new Promise((resolve) => {
    const { cwd, timeoutMs, isShown = false } = options
    const env = options.env ?? process.env
    const stdio: StdioOptions = isShown ? 'inherit' : ['ignore', 'pipe', 'pipe']
    // A group of its own: so it can be ended together with everything that it started.
    const child = spawn(command, args, { cwd, env, stdio, detached: true })
    running.add(child)
    let output = ''
    const keep = (chunk: string) => {
      output = (output + chunk).slice(-KEPT_CHARACTERS)
    }
    child.stdout?.setEncoding('utf8').on('data', keep)
    child.stderr?.setEncoding('utf8').on('data', keep)

    let kill: NodeJS.Timeout | undefined
    const timeout = setTimeout(() => {
      const verdict = `\n${command} ${args.join(' ')} took more than ${timeoutMs / 1000} s and was stopped.\n`
      if (isShown) process.stderr.write(verdict)
      else keep(verdict)
      endGroup(child, 'SIGTERM')
      kill = setTimeout(() => endGroup(child, 'SIGKILL'), KILL_AFTER_MS)
    }, timeoutMs)

    function finish(code: number): void {
      clearTimeout(timeout)
      clearTimeout(kill)
      running.delete(child)
      resolve({ code, output, durationMs: performance.now() - startMs })
    }
    child.once('error', (error) => {
      keep(`${error.message}\n`)
      finish(1)
    })
    child.once('close', (code) => finish(code ?? 1))
  })
}

/** On Ctrl-C and TERM ends what runs, then this process: npm hands its signals to us alone. */
export function endCommandsOnSignal(): void {
  for (const signal of ['SIGHUP', 'SIGINT', 'SIGTERM'] as const) {
    process.once(signal, () => {
      for (const child of running) endGroup(child, 'SIGTERM')
      process.exit(128 + constants.signals[signal])
    })
  }
}

function endGroup({ pid }: ChildProcess, signal: NodeJS.Signals): void {
  if (pid === undefined) return
  try {
    process.kill(-pid, signal)
  } catch {
    // It ended by itself.
  }
}
