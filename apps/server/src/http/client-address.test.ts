import { expect, test } from 'vitest'
import { createClientAddress } from './client-address.ts'

const clientAddress = createClientAddress(['10.0.0.0/8', '192.0.2.1', 'fd00::/8'])

function from(remoteAddress: string | undefined, forwarded?: string) {
  const socket = { remoteAddress } as never
  return clientAddress({ socket, headers: forwarded === undefined ? {} : { 'x-forwarded-for': forwarded } })
}

test.each([
  ['a stranger is taken at his own address, whatever he forwards', '203.0.113.5', '1.2.3.4', '203.0.113.5'],
  ['a trusted proxy speaks for its caller', '10.1.2.3', '203.0.113.9', '203.0.113.9'],
  [
    'the right-most untrusted hop counts, not what the caller wrote',
    '10.1.2.3',
    '6.6.6.6, 203.0.113.9, 192.0.2.1',
    '203.0.113.9',
  ],
  ['mapped IPv4 is IPv4', '::ffff:10.1.2.3', '::ffff:203.0.113.9', '203.0.113.9'],
  ['IPv6 proxies and callers', 'fd00::1', '2001:db8::5', '2001:db8::5'],
  ['rubbish ends the walk at the last good hop', '10.1.2.3', '203.0.113.9, nonsense', '10.1.2.3'],
  ['an empty header leaves the proxy', '10.1.2.3', '', '10.1.2.3'],
  ['all hops trusted leaves the left-most', '10.1.2.3', '10.9.9.9, 10.8.8.8', '10.9.9.9'],
  ['a closed socket has no address', undefined, undefined, 'unknown'],
])('%s', (_rule, peer, forwarded, expected) => {
  expect(from(peer, forwarded)).toBe(expected)
})

test('a proxy list that names no address is refused at once', () => {
  expect(() => createClientAddress(['proxy.example'])).toThrow()
  expect(() => createClientAddress(['10.0.0.0/99'])).toThrow()
})
