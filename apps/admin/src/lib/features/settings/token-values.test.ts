import { tokenCreate } from '@turnpike/core/inputs/tokens'
import { expect, test } from 'vitest'
import { grantable, newToken, tokenInput, tokenStatus } from './token-values.ts'

const NOW = Date.parse('2026-03-01T12:00:00Z')
const TOKEN = {
  id: 1,
  name: 't',
  last4: 'abcd',
  scopes: ['usage:read'],
  createdById: 1,
  expiresAt: '2026-03-01T12:00:00Z',
  revokedAt: null,
  lastUsedAt: null,
  createdAt: '2026-01-01T00:00:00Z',
}

test('a token with neither name nor scope is refused by the form already', () => {
  const parsed = tokenCreate.safeParse(tokenInput(newToken(NOW)))
  expect(parsed.error?.issues.map(({ path }) => path.join('.'))).toEqual(['name', 'scopes'])
})

test('without a date the server gives it one', () => {
  expect(tokenInput({ name: 'ci', scopes: ['usage:read'], expiresAt: '' })).toEqual({
    name: 'ci',
    scopes: ['usage:read'],
  })
})

test('a token is over at its very date, and revoked is revoked', () => {
  expect(tokenStatus(TOKEN, NOW - 1)).toBe('active')
  expect(tokenStatus(TOKEN, NOW)).toBe('expired')
  expect(tokenStatus({ ...TOKEN, revokedAt: TOKEN.createdAt }, NOW - 1)).toBe('revoked')
})

test('what only a person does goes to no program', () => {
  expect(grantable(['self', 'usage:read'])).toEqual(['usage:read'])
})
