import { WebSocket } from 'ws'
import { signIn } from '../../support/admin.ts'
import { makeDataDir } from '../../support/data-dir.ts'
import { startTurnpike } from '../../support/start-turnpike.ts'
import type { Goal } from '../report.ts'
import { percentile } from '../statistics.ts'

const LATE_MS = 250
/** Opened at a time: each looks up its token. */
const AT_ONCE = 50

interface Follower {
  socket: WebSocket
  /** By epoch second, ms after that second was over. */
  lateness: Map<number, number>
}

/** So many sockets on one server that follow `ops.live` for some seconds: how late each of them hears of a second. */
export async function measureSubscribers(
  count: number,
  seconds: number,
  step: (text: string) => void,
): Promise<Goal[]> {
  await using dataDir = await makeDataDir()
  const places = { OPS_WS_MAX_CONNS: String(count), OPS_WS_MAX_CONNS_PER_IP: String(count) }
  await using turnpike = await startTurnpike({ dataDir: dataDir.path, env: places })
  const owner = await signIn(turnpike)
  const { token } = await owner.tokens.create.mutate({ name: 'bench', scopes: ['ops:read'] })
  const followers: Follower[] = []
  step(`opening ${count} sockets`)
  while (followers.length < count) {
    const some = Array.from({ length: Math.min(AT_ONCE, count - followers.length) }, () =>
      follow(turnpike.origin, token),
    )
    followers.push(...(await Promise.all(some)))
  }
  for (const { lateness } of followers) lateness.clear()
  step(`following for ${seconds} s`)
  await new Promise((resolve) => setTimeout(resolve, seconds * 1_000))
  const late = followers.flatMap(({ lateness }) => [...lateness.values()])
  for (const { socket } of followers) socket.terminate()
  const missed = followers.filter(({ lateness }) => lateness.size < seconds - 1).length
  return [
    judged(`lateness of a tick for ${count} subscribers, p99 ms`, LATE_MS, percentile(late, 0.99)),
    judged(`subscribers of ${count} that missed a tick`, 0, missed),
  ]
}

function judged(goal: string, atMost: number, measured: number): Goal {
  return { goal, atMost, measured, isMet: measured <= atMost }
}

/** Resolves when the first tick has come. */
function follow(origin: string, token: string): Promise<Follower> {
  const socket = new WebSocket(`${origin.replace('http', 'ws')}/trpc?connectionParams=1`)
  const lateness = new Map<number, number>()
  return new Promise((resolve, reject) => {
    socket.once('error', reject)
    socket.once('close', (code) => reject(new Error(`a subscriber was sent away: ${code}`)))
    socket.once('open', () => {
      socket.send(JSON.stringify({ method: 'connectionParams', data: { token } }))
      socket.send(JSON.stringify({ id: 1, method: 'subscription', params: { path: 'ops.live' } }))
    })
    socket.on('message', (data) => {
      const text = String(data)
      if (text === 'PING') return socket.send('PONG')
      const message: { result?: { type: string; id?: string } } = JSON.parse(text)
      if (message.result?.type !== 'data') return
      const second = Number(message.result.id)
      lateness.set(second, Date.now() - (second + 1) * 1_000)
      resolve({ socket, lateness })
    })
  })
}
