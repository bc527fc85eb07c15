import { expect, test } from 'vitest'
import { normaliseBaseUrl } from './base-url.ts'

test.each([
  ['openai', 'https://api.openai.com', 'https://api.openai.com/v1'],
  ['openai', 'https://API.openai.com:443/v1/', 'https://api.openai.com/v1'],
  ['openai-compatible', 'http://10.0.0.7:8000', 'http://10.0.0.7:8000/v1'],
  ['openai-compatible', ' https://host.example/openai ', 'https://host.example/openai/v1'],
  ['openai-compatible', 'https://host.example/api/paas/v4', 'https://host.example/api/paas/v4'],
  ['openai-compatible', 'https://host.example/v1beta/openai/', 'https://host.example/v1beta/openai'],
  ['azure-openai', 'https://name.openai.azure.com', 'https://name.openai.azure.com/openai/v1'],
  ['azure-openai', 'https://name.openai.azure.com/openai/', 'https://name.openai.azure.com/openai/v1'],
  ['azure-openai', 'https://name.openai.azure.com/openai/v1', 'https://name.openai.azure.com/openai/v1'],
  ['sandbox', 'http://127.0.0.1:4000//v1', 'http://127.0.0.1:4000/v1'],
] as const)('%s at %s is stored as %s', (provider, given, stored) => {
  expect(normaliseBaseUrl(provider, given)).toBe(stored)
})

test.each([
  'api.openai.com',
  'ftp://host.example/v1',
  'https://user@host.example/v1',
  'https://user:pw@host.example/v1',
  'https://host.example/v1?key=1',
  'https://host.example/v1#x',
  'javascript:alert(1)',
  '',
])('%j is no base address', (given) => {
  expect(normaliseBaseUrl('openai-compatible', given)).toBeNull()
})
