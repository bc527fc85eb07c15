import { accountCreate, accountUpdate } from '@turnpike/core/inputs/accounts'
import { expect, test } from 'vitest'
import type { Account } from './account-state.ts'
import { accountCreateInput, accountUpdateInput, doubledModels, mappingOf, valuesOfAccount } from './account-values.ts'

const account: Account = {
  id: 7,
  name: 'main',
  provider: 'openai',
  baseUrl: 'https://api.openai.com/v1',
  protocol: 'responses+chat',
  auth: 'api_key',
  secretLast4: 'abcd',
  oauth: null,
  extraHeaderNames: [],
  forwardOrganization: false,
  proxyHost: null,
  affinityDomain: null,
  modelsDiscovered: false,
  groupPriorities: [],
  healthCheck: { minutes: null, recovers: false, lastAt: null },
  priority: 50,
  weight: 1,
  concurrency: 3,
  modelMapping: { 'gpt-4o': 'gpt-4o-2026' },
  models: ['gpt-4o'],
  groupIds: [2],
  schedulable: true,
  status: 'error',
  statusReason: 'unauthorized',
  coolingUntil: null,
  coolingReason: null,
  modelCooling: [],
  inFlight: 0,
  waiting: 0,
  lastUsedAt: null,
  expiresAt: null,
}

test('a form that was opened and saved changes nothing', () => {
  expect(accountUpdateInput(account, valuesOfAccount(account))).toEqual({ id: 7 })
})

test('only what was changed is sent, and the schema takes it', () => {
  const values = { ...valuesOfAccount(account), concurrency: '10', secret: 'sk-new', isActive: false }
  const input = accountUpdateInput(account, values)
  expect(input).toEqual({ id: 7, concurrency: 10, secret: 'sk-new', status: 'disabled' })
  expect(accountUpdate.safeParse(input).success).toBe(true)
})

test('a new account without address and models leaves both to the server', () => {
  const input = accountCreateInput({ ...valuesOfAccount(null), name: 'new', secret: 'sk-1' })
  expect(input).not.toHaveProperty('baseUrl')
  expect(input).not.toHaveProperty('models')
  expect(accountCreate.safeParse(input).success).toBe(true)
})

test('a number that is none does not pass for one', () => {
  const input = accountCreateInput({ ...valuesOfAccount(null), name: 'new', secret: 'sk-1', weight: 'two' })
  expect(accountCreate.safeParse(input).success).toBe(false)
})

test('empty rows of the mapping are none, half-filled ones are kept to be refused', () => {
  expect(
    mappingOf([
      { from: ' a ', to: ' b ' },
      { from: '', to: ' ' },
    ]),
  ).toEqual({ a: 'b' })
  const half = accountCreateInput({
    ...valuesOfAccount(null),
    name: 'n',
    secret: 's',
    mapping: [{ from: 'a', to: '' }],
  })
  expect(accountCreate.safeParse(half).success).toBe(false)
})

test('a model named twice is told', () => {
  const rows = [
    { from: 'a', to: '1' },
    { from: 'b', to: '2' },
    { from: ' a', to: '3' },
  ]
  expect(doubledModels(rows)).toEqual(['a'])
  expect(mappingOf(rows)).toEqual({ a: '3', b: '2' })
})
