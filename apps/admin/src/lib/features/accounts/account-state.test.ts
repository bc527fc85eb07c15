import { expect, test } from 'vitest'
import { accountState, loadOf, msUntil } from './account-state.ts'

const NOW = Date.parse('2026-03-05T12:00:00Z')
const IN_A_MINUTE = '2026-03-05T12:01:00Z'
const ready = {
  status: 'active' as const,
  statusReason: null,
  schedulable: true,
  expiresAt: null,
  coolingUntil: null,
  coolingReason: null,
  modelCooling: [],
  inFlight: 0,
  concurrency: 2,
}

test.each([
  ['nothing wrong is ready', {}, { kind: 'ready' }],
  ['archived beats everything', { status: 'archived' as const, schedulable: false }, { kind: 'archived' }],
  [
    'an error is told with its reason',
    { status: 'error' as const, statusReason: 'unauthorized', coolingUntil: IN_A_MINUTE },
    { kind: 'error', reason: 'unauthorized' },
  ],
  ['disabled', { status: 'disabled' as const }, { kind: 'disabled' }],
  ['expired from the very moment', { expiresAt: '2026-03-05T12:00:00Z' }, { kind: 'expired' }],
  ['one moment before it is not', { expiresAt: '2026-03-05T12:00:00.001Z' }, { kind: 'ready' }],
  [
    'not schedulable is paused, even while cooling',
    { schedulable: false, coolingUntil: IN_A_MINUTE },
    { kind: 'paused' },
  ],
  [
    'cooling tells how long',
    { coolingUntil: IN_A_MINUTE, coolingReason: 'overloaded' },
    { kind: 'cooling', reason: 'overloaded', leftMs: 60_000 },
  ],
  ['cooling that has passed is none', { coolingUntil: '2026-03-05T12:00:00Z' }, { kind: 'ready' }],
  ['every slot taken is full', { inFlight: 2 }, { kind: 'full' }],
  ['one slot free is not', { inFlight: 1 }, { kind: 'ready' }],
  ['without a limit it is never full', { inFlight: 900, concurrency: 0 }, { kind: 'ready' }],
  [
    'models that cool are counted, those that have cooled are not',
    {
      modelCooling: [
        { model: 'a', until: IN_A_MINUTE, reason: 'rate_limited' },
        { model: 'b', until: '2026-03-05T11:59:00Z', reason: 'rate_limited' },
      ],
    },
    { kind: 'partly_cooling', models: 1 },
  ],
])('%s', (_rule, change, expected) => {
  expect(accountState({ ...ready, ...change }, NOW)).toEqual(expected)
})

test('load is the share of slots, and unknown without a limit', () => {
  expect(loadOf({ inFlight: 1, concurrency: 4 })).toBe(0.25)
  expect(loadOf({ inFlight: 9, concurrency: 4 })).toBe(1)
  expect(loadOf({ inFlight: 9, concurrency: 0 })).toBeNull()
})

test('an instant that has passed is no time away', () => {
  expect(msUntil(null, NOW)).toBe(0)
  expect(msUntil('2026-03-05T11:00:00Z', NOW)).toBe(0)
  expect(msUntil(IN_A_MINUTE, NOW)).toBe(60_000)
})
