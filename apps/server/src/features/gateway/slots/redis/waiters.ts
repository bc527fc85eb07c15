import { ClientLeft } from '@turnpike/core/gateway/client-left'
import { Moved } from './moved.ts'
import type { Ask, Sides } from './side.ts'

/** A wake-up that got lost is found out after this long. */
const POKE_EVERY_MS = 2_000

/** How a wait ended: with the slot, or by what stood in its way to the end. */
export type Waited = 'held' | 'full' | 'part_full'

interface Waiter {
  ask: Ask
  /** His place is being given up: who asked for him after that would make him a new one. */
  isLeaving: boolean
  settle(end: { waited: Waited } | { error: Error }): void
}

interface WaitersOptions {
  sides: Pick<Sides, 'nameOf' | 'poke' | 'leave' | 'undo'>
  onLost(error: unknown): void
}

/** Requests of this instance that queue in Redis. They are woken by the release that serves them; asking is only a safety net. */
export function createWaiters({ sides, onLost }: WaitersOptions) {
  const waiting = new Map<string, Waiter>()

  /** Resolves when the slot is ours, or when nothing came free in time; rejects with ClientLeft, Moved. */
  function wait(ask: Ask, { waitMs, client }: { waitMs: number; client: AbortSignal }): Promise<Waited> {
    const { promise, resolve, reject } = Promise.withResolvers<Waited>()
    const name = sides.nameOf(ask)
    const poking = setInterval(() => poke(name), POKE_EVERY_MS)
    const timer = setTimeout(() => giveUp(name, false), waitMs)
    const onLeft = () => giveUp(name, true)
    client.addEventListener('abort', onLeft)
    waiting.set(name, {
      ask,
      isLeaving: false,
      settle(end) {
        clearInterval(poking)
        clearTimeout(timer)
        client.removeEventListener('abort', onLeft)
        waiting.delete(name)
        if ('error' in end) reject(end.error)
        else resolve(end.waited)
      },
    })
    if (client.aborted) giveUp(name, true)
    return promise
  }

  function wake(name: string): void {
    waiting.get(name)?.settle({ waited: 'held' })
  }

  function poke(name: string): void {
    const waiter = waiting.get(name)
    if (waiter === undefined || waiter.isLeaving) return
    // Without an answer he asks again in a while.
    sides.poke(waiter.ask).then(
      ({ isHeld }) => {
        if (isHeld) wake(name)
      },
      () => {},
    )
  }

  /** Leaves the queue; the slot may have been granted a moment ago. */
  function giveUp(name: string, hasLeft: boolean): void {
    const waiter = waiting.get(name)
    if (waiter === undefined || waiter.isLeaving) return
    waiter.isLeaving = true
    const { ask } = waiter
    const left = sides.leave(ask).catch(() => sides.leave(ask))
    left.then(({ wasHeld, reason }) => {
      if (waiting.get(name) !== waiter) return
      if (!hasLeft) return waiter.settle({ waited: wasHeld ? 'held' : reason })
      waiter.settle({ error: new ClientLeft() })
      if (wasHeld) sides.undo(ask).catch(onLost)
    }, onLost)
  }

  return {
    wait,
    wake,
    pokeAll: () => {
      for (const name of waiting.keys()) poke(name)
    },
    moveAll: () => {
      for (const waiter of [...waiting.values()]) waiter.settle({ error: new Moved() })
    },
    count: () => waiting.size,
  }
}
