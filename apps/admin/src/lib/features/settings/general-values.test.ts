import { DEFAULT_SETTINGS, settingsSet } from '@turnpike/core/inputs/settings'
import { expect, test } from 'vitest'
import { settingsInput, valuesOfSettings } from './general-values.ts'

const stored = DEFAULT_SETTINGS

test('what is left as it is stored is not sent', () => {
  expect(settingsInput(stored, valuesOfSettings(stored))).toEqual({})
})

test('what was changed is sent, and nothing beside it', () => {
  const values = { ...valuesOfSettings(stored), slaTargetPercent: ' 99.95 ', codexUserAgents: 'codex_exec/\n\n mine/ ' }
  expect(settingsInput(stored, values)).toEqual({
    'ops.slaTargetPercent': 99.95,
    'gateway.codexUserAgents': ['codex_exec/', 'mine/'],
  })
})

test.each(['', 'soon', '1,5', '12e3'])('"%s" is no number, and the schema refuses it', (keepAliveMs) => {
  const input = settingsInput(stored, { ...valuesOfSettings(stored), keepAliveMs })
  expect(settingsSet.safeParse(input).success).toBe(false)
})
