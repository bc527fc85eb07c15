import type { ConnectionState } from '@turnpike/client'
import type { Api } from '#lib/api/client.ts'
import { lineState } from './line-state.ts'
import type { LiveTick } from './live-tick.ts'
import { createTickRing } from './tick-ring.ts'

/** Older than any tick: the server then replays all it has kept. */
const FROM_THE_BEGINNING = '0'
const AGE_STEP_MS = 1_000

interface LiveOptions {
  /** A line of its own, so that signing in again can replace it at once. */
  connect(): Api
  onSignedOut(): void
}

/**
 * The gateway's ticks. However many arrive together (a replay is 900), the page is told of them once a frame; `version`
 * counts those moments.
 */
export function createLive({ connect, onSignedOut }: LiveOptions) {
  const ring = createTickRing()
  let latest = $state.raw<LiveTick | null>(null)
  let version = $state(0)
  let connection = $state<ConnectionState>('idle')
  let ageMs = $state<number | null>(null)
  let arrivedAt: number | null = null
  let frame: number | null = null

  /** Begins to listen; returns how to stop. */
  function start(): () => void {
    const line = connect()
    const unsubscribe = line.$connection.subscribe((next) => {
      connection = next
      if (next === 'signed_out') onSignedOut()
    })
    const ticks = line.ops.live.subscribe(
      { lastEventId: FROM_THE_BEGINNING },
      { onData: take, onError: () => undefined },
    )
    const ageing = setInterval(age, AGE_STEP_MS)
    return () => {
      clearInterval(ageing)
      if (frame !== null) cancelAnimationFrame(frame)
      frame = null
      ticks.unsubscribe()
      unsubscribe()
      void line.$connection.close()
    }
  }

  function take({ id, data }: { id: string; data: LiveTick }): void {
    ring.push(Number(id), data)
    arrivedAt = performance.now()
    frame ??= requestAnimationFrame(show)
  }

  function show(): void {
    frame = null
    latest = ring.newestSecond === null ? null : ring.at(ring.newestSecond)
    version += 1
    age()
  }

  function age(): void {
    ageMs = arrivedAt === null ? null : performance.now() - arrivedAt
  }

  return {
    ring,
    start,
    get latest() {
      return latest
    },
    get version() {
      return version
    },
    get ageMs() {
      return ageMs
    },
    get state() {
      return lineState(connection, ageMs)
    },
  }
}

export type Live = ReturnType<typeof createLive>
