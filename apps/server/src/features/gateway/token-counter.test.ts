import { expect, test } from 'vitest'
import { makeLog } from '../../shared/journal/__fixtures__/journal-world.ts'
import { createTokenCounter } from './token-counter.ts'

test('tokens are counted', async () => {
  const log = makeLog()
  const count = createTokenCounter({ count: async (text) => text.length, log })
  expect(await count('four')).toBe(4)
  expect(log.messages).toEqual([])
})

test('where counting fails, three bytes are a token, and it is said', async () => {
  const log = makeLog()
  const count = createTokenCounter({
    async count() {
      throw new Error('no tables')
    },
    log,
  })
  expect(await count('größe')).toBe(3)
  expect(log.messages).toEqual(['tokens could not be counted; they are estimated by length'])
})
