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

const oauth = {
  grant: 'refresh_token' as const,
  tokenUrl: 'https://login.test/token',
  clientId: 'c',
  scope: null,
  expiresAt: null,
}

test('a new oauth2 account sends how its tokens are fetched, and a public client no secret', () => {
  const input = accountCreateInput({
    ...valuesOfAccount(null),
    name: 'new',
    auth: 'oauth2',
    grant: 'refresh_token',
    tokenUrl: ' https://login.test/token ',
    clientId: 'c',
    refreshToken: 'r1',
  })
  expect(input).toMatchObject({
    auth: 'oauth2',
    oauth: { grant: 'refresh_token', tokenUrl: 'https://login.test/token', clientId: 'c', refreshToken: 'r1' },
  })
  expect(input).not.toHaveProperty('secret')
  expect(accountCreate.safeParse(input).success).toBe(true)
})

test('how tokens are fetched is sent whole once any of it was changed; a refresh token that was not typed stays', () => {
  const stored: Account = { ...account, auth: 'oauth2', oauth }
  expect(accountUpdateInput(stored, valuesOfAccount(stored))).toEqual({ id: 7 })
  const input = accountUpdateInput(stored, { ...valuesOfAccount(stored), scope: 'read' })
  expect(input).toEqual({
    id: 7,
    oauth: { grant: 'refresh_token', tokenUrl: 'https://login.test/token', clientId: 'c', scope: 'read' },
  })
  expect(accountUpdate.safeParse(input).success).toBe(true)
})

test('a proxy stays until it is replaced or taken away', () => {
  const stored: Account = { ...account, proxyHost: 'proxy.test:3128' }
  const values = valuesOfAccount(stored)
  expect(accountUpdateInput(stored, values)).toEqual({ id: 7 })
  expect(accountUpdateInput(stored, { ...values, keepsProxy: false })).toEqual({ id: 7, proxy: null })
  expect(accountUpdateInput(stored, { ...values, keepsProxy: false, proxy: 'http://p.test:1' })).toEqual({
    id: 7,
    proxy: 'http://p.test:1',
  })
})

test('a health check is off where no minutes are given', () => {
  const values = valuesOfAccount(account)
  expect(accountUpdateInput(account, { ...values, healthMinutes: '15', healthRecovers: true })).toEqual({
    id: 7,
    healthCheck: { minutes: 15, recovers: true },
  })
  const checked: Account = { ...account, healthCheck: { minutes: 15, recovers: false, lastAt: null } }
  expect(accountUpdateInput(checked, { ...valuesOfAccount(checked), healthMinutes: '' })).toEqual({
    id: 7,
    healthCheck: { minutes: null, recovers: false },
  })
})

test('headers and priorities that were not touched stay as they are', () => {
  const stored = { ...account, extraHeaderNames: ['x-team'], groupPriorities: [{ groupId: 2, priority: 5 }] }
  expect(accountUpdateInput(stored, valuesOfAccount(stored))).toEqual({ id: 7 })
  const renamed = { ...valuesOfAccount(stored), name: 'other' }
  expect(accountUpdateInput(stored, renamed)).toEqual({ id: 7, name: 'other' })
})

test('headers are replaced as a whole, or taken away, once they are not kept', () => {
  const stored = { ...account, extraHeaderNames: ['x-team'] }
  const values = { ...valuesOfAccount(stored), keepsHeaders: false }
  expect(accountUpdateInput(stored, values)).toEqual({ id: 7, extraHeaders: {} })
  const typed = { ...values, headers: [{ name: 'X-Org', value: 'one' }] }
  const input = accountUpdateInput(stored, typed)
  expect(input).toEqual({ id: 7, extraHeaders: { 'x-org': 'one' } })
  expect(accountUpdate.safeParse(input).success).toBe(true)
})

test('a group taken out loses its priority, one put in may have its own', () => {
  const stored = { ...account, groupPriorities: [{ groupId: 2, priority: 5 }] }
  const values = { ...valuesOfAccount(stored), groupIds: [3], groupPriorities: { 2: '5', 3: '0' } }
  const input = accountUpdateInput(stored, values)
  expect(input).toEqual({ id: 7, groupIds: [3], groupPriorities: [{ groupId: 3, priority: 0 }] })
  expect(accountUpdate.safeParse(input).success).toBe(true)
})

test('a header of no possible name, and a priority that is no number, are refused', () => {
  const base = { ...valuesOfAccount(null), name: 'n', secret: 's' }
  const named = accountCreateInput({ ...base, headers: [{ name: 'x team', value: 'a' }] })
  expect(accountCreate.safeParse(named).success).toBe(false)
  const ranked = accountCreateInput({ ...base, groupIds: [2], groupPriorities: { 2: 'first' } })
  expect(accountCreate.safeParse(ranked).success).toBe(false)
})
