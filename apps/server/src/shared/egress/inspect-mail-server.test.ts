import { expect, test } from 'vitest'
import { inspectMailServer } from './inspect-mail-server.ts'
import { parsePrivateUpstreams } from './private-upstreams.ts'

const NOBODY = parsePrivateUpstreams([])

test.each([25, 465, 587, 2525])('a public mail server may listen on %i', (port) => {
  expect(inspectMailServer({ host: 'Mail.Example-Corp.COM.', port }, NOBODY)).toMatchObject({
    host: 'mail.example-corp.com',
    port,
    kind: 'name',
  })
})

test.each([
  ['port_not_allowed', { host: 'mail.provider.com', port: 6379 }],
  ['port_not_allowed', { host: 'mail.provider.com', port: 443 }],
  ['special_name', { host: 'localhost', port: 25 }],
  ['special_name', { host: 'mail', port: 25 }],
  ['special_name', { host: 'mail.internal', port: 25 }],
  ['private_address', { host: '127.0.0.1', port: 25 }],
  ['private_address', { host: '2130706433', port: 25 }],
  ['private_address', { host: '0x7f.1', port: 25 }],
  ['private_address', { host: '169.254.169.254', port: 25 }],
  ['private_address', { host: '::1', port: 25 }],
  ['private_address', { host: '[::ffff:127.0.0.1]', port: 25 }],
  ['private_address', { host: '64:ff9b::7f00:1', port: 25 }],
  ['invalid_url', { host: 'mail.provider.com:25', port: 25 }],
  ['invalid_url', { host: 'u@mail.provider.com', port: 25 }],
  ['invalid_url', { host: 'mail.provider.com/x', port: 25 }],
  ['invalid_url', { host: '', port: 25 }],
  ['invalid_url', { host: 'x'.repeat(300), port: 25 }],
  ['control_character', { host: 'mail.provider.com\r\nQUIT', port: 25 }],
])('%s: %j', (reason, server) => {
  expect(() => inspectMailServer(server, NOBODY)).toThrow(expect.objectContaining({ reason }))
})

test('what is on the list may be private, on any port', () => {
  const listed = parsePrivateUpstreams(['127.0.0.1:1025'])
  expect(inspectMailServer({ host: '127.0.0.1', port: 1025 }, listed)).toMatchObject({ kind: 'literal' })
  expect(() => inspectMailServer({ host: '127.0.0.1', port: 1026 }, listed)).toThrow('private_address')
})
