import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import type { AddressInfo, Server } from 'node:net'
import { fileURLToPath } from 'node:url'

const START_MS = 10_000

export interface Child extends AsyncDisposable {
  process: ChildProcess
  pid: number
  /** Everything it printed so far. */
  output(): string
}

/** Starts a program of the bench as a process of its own. It ends with its parent, or when it is disposed of. */
export function startChild(file: string, args: string[] = []): Child {
  const child = fork(fileURLToPath(new URL(file, import.meta.url)), args, {
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    execArgv: ['--inspect-port=127.0.0.1:0'],
  })
  let output = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding('utf8').on('data', (text: string) => {
      output += text
    })
  }
  const exited = once(child, 'exit')
  return {
    process: child,
    pid: child.pid ?? 0,
    output: () => output,
    async [Symbol.asyncDispose]() {
      if (child.exitCode === null && child.signalCode === null) {
        child.kill('SIGKILL')
        await exited
      }
    },
  }
}

/** The port that a child's server says it listens on. */
export async function portOf(child: Child): Promise<number> {
  const [message] = await once(child.process, 'message', { signal: AbortSignal.timeout(START_MS) })
  return Number(Object(message).port)
}

/** In a child: listens on a free port of loopback, says which, and ends with the parent. */
export function serveParent(server: Server): void {
  process.once('disconnect', () => process.exit())
  server.listen(0, '127.0.0.1', 8_192, () => process.send?.({ port: (server.address() as AddressInfo).port }))
}
