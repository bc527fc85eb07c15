import { once } from 'node:events'
import { waitFor } from '../support/wait-for.ts'

const OPEN_MS = 5_000
const ANSWER_MS = 20_000

export interface Inspector extends Disposable {
  call(method: string, params?: object): Promise<unknown>
}

/** Opens the inspector of a Node process that was started with `--inspect-port=127.0.0.1:0`; until now it cost nothing. */
export async function openInspector({ pid, output }: { pid: number; output(): string }): Promise<Inspector> {
  process.kill(pid, 'SIGUSR1')
  const url = await waitFor('the inspector', () => /ws:\/\/127\.0\.0\.1:\d+\/\S+/.exec(output())?.[0], OPEN_MS)
  const socket = new WebSocket(url)
  await once(socket, 'open', { signal: AbortSignal.timeout(OPEN_MS) })
  let calls = 0
  return {
    async call(method, params = {}) {
      const id = ++calls
      const deadline = AbortSignal.timeout(ANSWER_MS)
      socket.send(JSON.stringify({ id, method, params }))
      for (;;) {
        const [event] = await once(socket, 'message', { signal: deadline })
        const message: { id?: number; result?: unknown } = JSON.parse(String(event.data))
        if (message.id === id) return message.result
      }
    },
    [Symbol.dispose]: () => socket.close(),
  }
}
