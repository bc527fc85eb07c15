import { expect, test } from 'vitest'
import { retryDelayMs } from './retry-delay.ts'

test('waits 1, 2, 4, 8, 16 s, then 30 s for ever', () => {
  expect([0, 1, 2, 3, 4, 5, 6, 1_000].map((attempt) => retryDelayMs(attempt, 0.5))).toEqual([
    1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000, 30_000,
  ])
})

test('is up to a fifth shorter or longer, so that not everybody comes at once', () => {
  expect([retryDelayMs(0, 0), retryDelayMs(0, 1), retryDelayMs(9, 0), retryDelayMs(9, 1)]).toEqual([
    800, 1_200, 24_000, 36_000,
  ])
})
