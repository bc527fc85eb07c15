import { spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { expect, test } from 'vitest'

function start(...args: string[]) {
  const main = new URL('./main.ts', import.meta.url).pathname
  const child = spawn(process.execPath, [main, ...args], { stdio: ['pipe', 'pipe', 'inherit'] })
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  const exit = new Promise<number | null>((resolve) => child.once('exit', resolve))
  return {
    exit,
    line: async () => String((await lines.next()).value),
    type: (line: string) => child.stdin.write(`${line}\n`),
    kill: (signal: NodeJS.Signals) => child.kill(signal),
  }
}

test.each(['SIGINT', 'SIGTERM'] as const)(
  'prints its address, obeys a line at a time, and stops on %s',
  async (signal) => {
    const sandbox = start('--port', '0')
    const url = /http:\S+/.exec(await sandbox.line())?.[0]
    sandbox.type('fault status status=529 times=1')
    expect(await sandbox.line()).toBe('Set: {"kind":"status","status":529,"times":1}')
    const body = JSON.stringify({ model: 'sandbox-bench', messages: [{ role: 'user', content: 'hi' }] })
    const ask = () => fetch(`${url}/chat/completions`, { method: 'POST', body }).then(({ status }) => status)
    expect([await ask(), await ask()]).toEqual([529, 200])
    sandbox.type('fault nonsense')
    expect(await sandbox.line()).toMatch(/^Sandbox directive:/)
    sandbox.kill(signal)
    expect(await sandbox.exit).toBe(0)
  },
)
