import { channelCreate, channelUpdate } from '@turnpike/core/inputs/alert-channels'
import { expect, test } from 'vitest'
import type { Channel } from './alert-types.ts'
import { channelCreateInput, channelUpdateInput, valuesOfChannel } from './channel-values.ts'

const STORED: Channel = {
  id: 3,
  name: 'Ops',
  type: 'webhook',
  config: { url: 'https://hooks.example/a', template: 'slack' },
  isDefault: true,
  minSeverity: 'warning',
  hourlyLimit: 30,
  isDeadMan: false,
  lastPingAt: null,
  enabled: true,
  disabledReason: null,
  disabledAt: null,
  version: 4,
  createdAt: '2026-01-01T00:00:00.000Z',
  updatedAt: '2026-01-01T00:00:00.000Z',
}

test('a new channel is one of either type, with what that type has', () => {
  const fresh = { ...valuesOfChannel(null), name: 'Ops' }
  const webhook = channelCreateInput({ ...fresh, url: 'https://hooks.example/a' })
  expect(channelCreate.parse(webhook)).toMatchObject({ type: 'webhook', config: { template: 'generic' } })
  expect(webhook).not.toHaveProperty('secret')
  const email = channelCreateInput({ ...fresh, type: 'email', recipients: 'a@example.org\nb@example.org' })
  expect(channelCreate.parse(email)).toMatchObject({ config: { recipients: ['a@example.org', 'b@example.org'] } })
})

test('saving sends what was changed, and a secret only where one was typed', () => {
  const values = valuesOfChannel(STORED)
  expect(channelUpdateInput(STORED, values)).toEqual({ id: 3, version: 4 })
  const input = channelUpdateInput(STORED, { ...values, hourlyLimit: '10', secret: ' new-secret ' })
  expect(input).toEqual({ id: 3, version: 4, hourlyLimit: 10, secret: 'new-secret' })
  expect(channelUpdate.safeParse(input).success).toBe(true)
})
