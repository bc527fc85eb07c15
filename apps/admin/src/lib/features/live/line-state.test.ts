import { expect, test } from 'vitest'
import { lineState, STALE_AFTER_MS } from './line-state.ts'

test.each([
  ['before the first tick the line is connecting', 'connecting', null, 'connecting'],
  ['an open line that has brought nothing yet is connecting', 'live', null, 'connecting'],
  ['fresh ticks are live', 'live', 0, 'live'],
  ['just before the bound the data is live', 'live', STALE_AFTER_MS - 1, 'live'],
  ['at the bound an open line that brings nothing is stale', 'live', STALE_AFTER_MS, 'stale'],
  ['a lost line says so, however fresh its data', 'reconnecting', 0, 'reconnecting'],
  ['a line closed for want of a session is coming back too', 'signed_out', 100, 'reconnecting'],
] as const)('%s', (_rule, connection, ageMs, expected) => {
  expect(lineState(connection, ageMs)).toBe(expected)
})
