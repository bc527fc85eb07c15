import { spawn } from 'node:child_process'

const GRACE_MS = 2_000
const KEPT_CHARACTERS = 64_000

/**
 * Runs a command to its end and keeps the last part of what it said. An aborted signal ends the command first.
 *
 * @param {string} command
 * @param {string[]} args
 * @param {{ cwd: string, env: NodeJS.ProcessEnv, signal: AbortSignal }} options
 * @returns {Promise<{ code: number | null, output: string }>}
 */
export function run(command, args, { cwd, env, signal }) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { cwd, env, stdio: ['ignore', 'pipe', 'pipe'] })
    let output = ''
    const keep = (chunk) => {
      output = (output + chunk).slice(-KEPT_CHARACTERS)
    }
    child.stdout.setEncoding('utf8').on('data', keep)
    child.stderr.setEncoding('utf8').on('data', keep)

    let kill
    const end = () => {
      child.kill('SIGTERM')
      kill = setTimeout(() => child.kill('SIGKILL'), GRACE_MS)
    }
    if (signal.aborted) end()
    else signal.addEventListener('abort', end, { once: true })

    const settle = (finish) => {
      clearTimeout(kill)
      signal.removeEventListener('abort', end)
      finish()
    }
    child.once('error', (error) => settle(() => reject(error)))
    child.once('close', (code) => settle(() => (signal.aborted ? reject(signal.reason) : resolve({ code, output }))))
  })
}
