import { spawn } from 'node:child_process'

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

/** Runs a command to its end; never rejects. Past its time it is stopped, and the output says so. */
export function runCommand(command: string, args: string[], options: CommandOptions): Promise<CommandResult> {
  const startMs = performance.now()
  return new Promise((resolve) => {
    const { cwd, timeoutMs, isShown = false } = options
    const env = options.env ?? process.env
    const child = spawn(command, args, { cwd, env, stdio: isShown ? 'inherit' : ['ignore', 'pipe', 'pipe'] })
    let output = ''
    const keep = (chunk: string) => {
      output = (output + chunk).slice(-KEPT_CHARACTERS)
    }
    child.stdout?.setEncoding('utf8').on('data', keep)
    child.stderr?.setEncoding('utf8').on('data', keep)

    let kill: NodeJS.Timeout | undefined
    const timeout = setTimeout(() => {
      keep(`\n${command} ${args.join(' ')} took more than ${timeoutMs / 1000} s and was stopped.\n`)
      child.kill('SIGTERM')
      kill = setTimeout(() => child.kill('SIGKILL'), KILL_AFTER_MS)
    }, timeoutMs)

    function finish(code: number): void {
      clearTimeout(timeout)
      clearTimeout(kill)
      resolve({ code, output, durationMs: performance.now() - startMs })
    }
    child.once('error', (error) => {
      keep(`${error.message}\n`)
      finish(1)
    })
    child.once('close', (code) => finish(code ?? 1))
  })
}
