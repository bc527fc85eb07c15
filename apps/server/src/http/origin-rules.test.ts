import { expect, test } from 'vitest'
import { createOriginRules, type OriginRulesOptions } from './origin-rules.ts'

const LOOPBACK: OriginRulesOptions = { listenHost: '127.0.0.1', publicUrl: null, allowedHosts: [], corsOrigins: [] }
const PUBLIC: OriginRulesOptions = {
  listenHost: '0.0.0.0',
  publicUrl: 'https://panel.example',
  allowedHosts: ['panel.example', 'other.example:8787'],
  corsOrigins: ['https://app.example', 'http://localhost:3000'],
}

test.each([
  ['127.0.0.1:8787', true],
  ['localhost:8787', true],
  ['panel.localhost', true],
  ['[::1]:8787', true],
  ['192.168.1.5:8787', true],
  ['evil.example:8787', false],
  ['localhost.evil.example', false],
  ['127.0.0.1.evil.example', false],
  ['evil.example@127.0.0.1', false],
  ['127.0.0.1/evil', false],
  ['', false],
  [undefined, false],
])('listening on loopback, Host %j is allowed: %j', (host, allowed) => {
  expect(createOriginRules(LOOPBACK).isAllowedHost(host)).toBe(allowed)
})

test('listening on loopback, the public name and allowed names are ours too', () => {
  const rules = createOriginRules({ ...LOOPBACK, publicUrl: 'https://panel.example', allowedHosts: ['lan.example'] })
  expect(rules.isAllowedHost('panel.example')).toBe(true)
  expect(rules.isAllowedHost('PANEL.example:443')).toBe(true)
  expect(rules.isAllowedHost('lan.example:8787')).toBe(true)
  expect(rules.isAllowedHost('evil.example')).toBe(false)
})

test('listening beyond loopback, any name is ours until an allow-list says otherwise', () => {
  expect(createOriginRules({ ...LOOPBACK, listenHost: '0.0.0.0' }).isAllowedHost('whatever.example')).toBe(true)
  const rules = createOriginRules(PUBLIC)
  expect(rules.isAllowedHost('other.example')).toBe(true)
  expect(rules.isAllowedHost('whatever.example')).toBe(false)
})

test.each([
  [undefined, 'gate.example', 'absent'],
  ['https://panel.example', 'gate.example', 'own'],
  ['https://panel.example:443', 'gate.example', 'own'],
  ['http://gate.example:8787', 'gate.example:8787', 'own'],
  ['https://gate.example', 'gate.example', 'own'],
  ['http://gate.example', 'gate.example:80', 'own'],
  ['https://app.example', 'gate.example', 'foreign'],
  ['http://localhost:3000', 'localhost:8787', 'foreign'],
  ['http://panel.example', 'gate.example', 'refused'],
  ['https://panel.example.evil.example', 'gate.example', 'refused'],
  ['https://gate.example:8443', 'gate.example', 'refused'],
  ['http://localhost:3001', 'localhost:8787', 'refused'],
  ['null', 'gate.example', 'refused'],
  ['', 'gate.example', 'refused'],
  ['file://', 'gate.example', 'refused'],
  ['https://evil.example', undefined, 'refused'],
])('Origin %j to Host %j is %s', (origin, host, standing) => {
  expect(createOriginRules(PUBLIC).standingOf(origin, host)).toBe(standing)
})

test.each([
  [{ host: 'gate.example' }, 'absent'],
  [{ host: 'gate.example', 'sec-fetch-site': 'same-origin' }, 'absent'],
  [{ host: 'gate.example', 'sec-fetch-site': 'none' }, 'absent'],
  [{ host: 'gate.example', 'sec-fetch-site': 'cross-site' }, 'refused'],
  [{ host: 'gate.example', 'sec-fetch-site': 'same-site' }, 'refused'],
  [{ host: 'gate.example', origin: 'https://gate.example', 'sec-fetch-site': 'same-site' }, 'refused'],
  [{ host: 'gate.example', origin: 'https://gate.example', 'sec-fetch-site': 'same-origin' }, 'own'],
  [{ host: 'gate.example', origin: 'https://app.example', 'sec-fetch-site': 'cross-site' }, 'foreign'],
  [{ host: 'gate.example', origin: 'https://evil.example', 'sec-fetch-site': 'same-origin' }, 'refused'],
])('a request with %j is %s', (headers, standing) => {
  expect(createOriginRules(PUBLIC).standingOfRequest(headers)).toBe(standing)
})
