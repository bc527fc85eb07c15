import { expect, test } from 'vitest'
import { subscriptionEnd } from './subscription-text.ts'

const NOW = Date.parse('2026-03-10T00:00:00.000Z')

test.each([
  ['days are added to its end', '2026-03-20T12:00:00.000Z', 5, '2026-03-25T12:00:00.000Z'],
  ['or to now, where it is over', '2026-03-01T00:00:00.000Z', 5, '2026-03-15T00:00:00.000Z'],
  ['at most ten years of them', '2026-03-20T00:00:00.000Z', 3_651, null],
  ['at least one', '2026-03-20T00:00:00.000Z', 0, null],
  ['what is no number of days has no end', '2026-03-20T00:00:00.000Z', Number.NaN, null],
])('%s', (_rule, expiresAt, days, end) => {
  expect(subscriptionEnd(expiresAt, days, NOW)).toBe(end)
})
