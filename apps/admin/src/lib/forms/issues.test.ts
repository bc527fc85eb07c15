import { accountCreate } from '@turnpike/core/inputs/accounts'
import { groupCreate } from '@turnpike/core/inputs/groups'
import { keyCreate } from '@turnpike/core/inputs/keys'
import { userCreate } from '@turnpike/core/inputs/users'
import { expect, test } from 'vitest'
import type { z } from 'zod'
import { type Issue, issueAt, issuesByField } from './issues.ts'

const ACCOUNT = { name: 'a', provider: 'openai', secret: 'sk-1' }
const KEY = { userId: 1, groupId: 1, name: 'k' }

function issuesOf(schema: z.ZodType, input: unknown): Record<string, Issue> {
  const parsed = schema.safeParse(input)
  return parsed.success ? {} : issuesByField(parsed.error.issues)
}

test.each<[string, z.ZodType, unknown, string, Issue]>([
  ['an empty name is missing', accountCreate, { ...ACCOUNT, name: ' ' }, 'name', { kind: 'required' }],
  [
    'a name over its bound is too long',
    accountCreate,
    { ...ACCOUNT, name: 'x'.repeat(201) },
    'name',
    { kind: 'too_long', max: 200 },
  ],
  ['a secret with blanks is not one', accountCreate, { ...ACCOUNT, secret: 'a b' }, 'secret', { kind: 'ascii' }],
  [
    'a number that was no number',
    accountCreate,
    { ...ACCOUNT, concurrency: Number.NaN },
    'concurrency',
    { kind: 'not_whole' },
  ],
  ['half a number', accountCreate, { ...ACCOUNT, priority: 1.5 }, 'priority', { kind: 'not_whole' }],
  ['a number below its bound', accountCreate, { ...ACCOUNT, weight: 0 }, 'weight', { kind: 'too_small', min: 1 }],
  [
    'a number above its bound',
    accountCreate,
    { ...ACCOUNT, concurrency: 1_000_001 },
    'concurrency',
    { kind: 'too_big', max: 1_000_000 },
  ],
  [
    'a mapping without a source',
    accountCreate,
    { ...ACCOUNT, modelMapping: { '': 'x' } },
    'modelMapping',
    { kind: 'required' },
  ],
  ['nothing chosen', keyCreate, { ...KEY, groupId: undefined }, 'groupId', { kind: 'required' }],
  ['no address', keyCreate, { ...KEY, cidrs: ['10.0.0.0/33'] }, 'cidrs', { kind: 'address' }],
  ['no sum', keyCreate, { ...KEY, spendingLimits: { day: '1,5' } }, 'spendingLimits', { kind: 'money' }],
  ['no multiplier', groupCreate, { name: 'g', rateMultiplier: '1.23456' }, 'rateMultiplier', { kind: 'multiplier' }],
  ['no e-mail address', userCreate, { email: 'x' }, 'email', { kind: 'email' }],
  [
    'a short password',
    userCreate,
    { email: 'a@b.example', password: '1234567' },
    'password',
    { kind: 'too_short', min: 8 },
  ],
  ['what cannot be stored', userCreate, { email: 'a@b.example', name: 'a\0' }, 'name', { kind: 'invalid' }],
])('%s', (_rule, schema, input, field, expected) => {
  expect(issueAt(issuesOf(schema, input), field)).toEqual(expected)
})

test('a field is found by its own path before those below it, and never by a prefix of its name', () => {
  const issues: Record<string, Issue> = { 'limits.day': { kind: 'money' }, limitsOfOthers: { kind: 'email' } }
  expect(issueAt(issues, 'limits.day')).toEqual({ kind: 'money' })
  expect(issueAt(issues, 'limits')).toEqual({ kind: 'money' })
  expect(issueAt(issues, 'limit')).toBeNull()
})

test('input that is right has no issues', () => {
  expect(issuesOf(accountCreate, ACCOUNT)).toEqual({})
})
