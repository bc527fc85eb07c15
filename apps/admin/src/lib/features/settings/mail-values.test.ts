import { DEFAULT_SETTINGS, settingsSet } from '@turnpike/core/inputs/settings'
import { expect, test } from 'vitest'
import { mailInput, valuesOfMail } from './mail-values.ts'

const stored = { ...DEFAULT_SETTINGS, 'smtp.host': 'mail.example.org', 'smtp.from': 'ops@example.org' }

test('what is left as it is stored is not sent, the password neither', () => {
  expect(mailInput(stored, valuesOfMail(stored))).toEqual({})
})

test('an emptied field takes the setting away', () => {
  const input = mailInput(stored, { ...valuesOfMail(stored), host: ' ', from: '' })
  expect(input).toEqual({ 'smtp.host': null, 'smtp.from': null })
})

test('a password is sent as it was typed', () => {
  const input = mailInput(stored, { ...valuesOfMail(stored), user: 'ops ', password: ' not trimmed ' })
  expect(input).toEqual({ 'smtp.user': 'ops', 'smtp.password': ' not trimmed ' })
})

test('a stored password is taken away, whatever was typed', () => {
  const input = mailInput(stored, { ...valuesOfMail(stored), password: 'typed', forgetsPassword: true })
  expect(input).toEqual({ 'smtp.password': null })
})

test.each([{ port: '' }, { port: '70000' }, { from: 'nobody' }])(
  '%o is refused by the schema that the server checks with',
  (typed) => {
    const input = mailInput(stored, { ...valuesOfMail(stored), ...typed })
    expect(settingsSet.safeParse(input).success).toBe(false)
  },
)
