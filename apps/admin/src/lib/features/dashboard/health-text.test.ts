import { expect, test } from 'vitest'
import { healthLook, partValue } from './health-text.ts'

test.each([
  [100, 'ok', 'ok'],
  [90, 'ok', 'ok'],
  [89, 'ok', 'warn'],
  [69, 'ok', 'bad'],
  [100, 'idle', 'info'],
  [60, 'idle', 'bad'],
  [100, 'no_data', 'neutral'],
] as const)('a score of %d, %s, looks %s', (score, state, tone) => {
  expect(healthLook({ score, state }).tone).toBe(tone)
})

test('what is down is named, what has no data is none', () => {
  const part = { name: 'resources', points: 0, max: 10, why: 'redis' } as const
  expect(partValue({ ...part, value: 101 })).toBe('redis')
  expect(partValue({ ...part, value: null })).toBeNull()
})
