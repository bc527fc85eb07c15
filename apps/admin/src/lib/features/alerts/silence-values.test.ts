import { silenceCreate } from '@turnpike/core/inputs/alert-silences'
import { expect, test } from 'vitest'
import { newSilence, silenceAgain, silenceInput } from './silence-values.ts'

const NOW_MS = Date.UTC(2026, 4, 8, 12)

test('a new silence lasts an hour, from now on, for what it was opened from', () => {
  const values = newSilence({ ruleId: 7, labels: { group: '3' }, nowMs: NOW_MS })
  const input = silenceInput({ ...values, reason: 'maintenance' })
  expect(input).toMatchObject({ ruleId: 7, labels: { group: '3' }, endsAt: '2026-05-08T13:00:00.000Z' })
  expect(input).not.toHaveProperty('startsAt')
  expect(silenceCreate.safeParse(input).success).toBe(true)
})

test('what the form lacks is refused by the schema at its field', () => {
  const values = newSilence({ ruleId: null, labels: {}, nowMs: NOW_MS })
  const parsed = silenceCreate.safeParse(silenceInput({ ...values, endsAt: '', labels: 'group' }))
  expect(parsed.error?.issues.map(({ path }) => path[0]).toSorted()).toEqual(['endsAt', 'labels', 'reason'])
})

test.each([
  ['active' as const, false],
  ['pending' as const, true],
])('an %s silence is made again; begins when it would have: %s', (status, keepsStart) => {
  const silence = {
    kind: 'maintenance' as const,
    ruleId: 7,
    severities: ['warning' as const],
    labels: { group: '3' },
    startsAt: '2026-05-08T11:00:00.000Z',
    endsAt: '2026-05-08T14:00:00.000Z',
    reason: 'upgrade',
    status,
  }
  const input = silenceAgain(silence)
  expect(silenceCreate.safeParse(input).success).toBe(true)
  expect(input).toMatchObject({ kind: 'maintenance', ruleId: 7, endsAt: silence.endsAt, reason: 'upgrade' })
  expect('startsAt' in input).toBe(keepsStart)
})
