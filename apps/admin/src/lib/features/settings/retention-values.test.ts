import { opsRetentionSet } from '@turnpike/core/inputs/ops'
import { expect, test } from 'vitest'
import { daysCutTo, retentionInput, valuesOfRetention } from './retention-values.ts'

test('for ever is said outright, and no number of days stands for it', () => {
  const values = valuesOfRetention({ days: null, enabled: true })
  expect(retentionInput('usage_logs', values)).toEqual({ tableName: 'usage_logs', days: null, enabled: true })
})

test.each(['0', '', '-1', '36501', '1.5'])('"%s" days are refused', (days) => {
  const input = retentionInput('usage_logs', { isForEver: false, days, enabled: true })
  expect(opsRetentionSet.safeParse(input).success).toBe(false)
})

test.each([
  [{ days: 30, enabled: true }, '7', 7],
  [{ days: 30, enabled: true }, '30', null],
  [{ days: 30, enabled: true }, '90', null],
  [{ days: null, enabled: true }, '90', 90],
  [{ days: 30, enabled: false }, '30', 30],
  [{ days: 30, enabled: true }, '', null],
])('of %o, set to %s days, rows older than %s days go', (stored, days, expected) => {
  expect(daysCutTo(stored, { isForEver: false, days, enabled: true })).toBe(expected)
  expect(daysCutTo(stored, { isForEver: false, days, enabled: false })).toBeNull()
})
