import { expect, test } from 'vitest'
import type { Ask, Sides } from './side.ts'
import { createWaiters } from './waiters.ts'

const ASK: Ask = { owner: { kind: 'user', id: 1 }, limit: 1, part: 1, partLimit: 0, requestId: 'r1' }

test('who is leaving is not asked for: the answer would put him into the queue again', async () => {
  const said: string[] = []
  const left = Promise.withResolvers<{ wasHeld: boolean; reason: 'full' }>()
  const sides = {
    nameOf: ({ requestId }: Ask) => requestId,
    async poke() {
      said.push('poke')
      return { isHeld: false, load: { held: 1, waiting: 1 } }
    },
    leave() {
      said.push('leave')
      return left.promise
    },
    async undo() {
      said.push('undo')
    },
  } satisfies Pick<Sides, 'nameOf' | 'poke' | 'leave' | 'undo'>
  const waiters = createWaiters({ sides, onLost: () => said.push('lost') })
  const client = new AbortController()
  const waited = waiters.wait(ASK, { waitMs: 60_000, client: client.signal })
  waiters.pokeAll()
  client.abort()
  waiters.pokeAll()
  left.resolve({ wasHeld: false, reason: 'full' })
  await expect(waited).rejects.toMatchObject({ name: 'ClientLeft' })
  waiters.pokeAll()
  expect(said).toEqual(['poke', 'leave'])
  expect(waiters.count()).toBe(0)
})
