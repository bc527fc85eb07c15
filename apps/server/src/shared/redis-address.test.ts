import { expect, test } from 'vitest'
import { parseRedisAddress } from './redis-address.ts'

test.each(['redis://redis', 'redis://:secret@10.0.0.1:6380/2', 'rediss://user:p%40ss@redis.example.com:6379/'])(
  '%s is one server',
  (url) => expect(parseRedisAddress(url)).toEqual({ kind: 'standalone', url }),
)

test('a cluster is named by some of its nodes, each with a port of its own', () => {
  expect(parseRedisAddress('redis+cluster://a:7000,b.example.com,[::1]:7002')).toEqual({
    kind: 'cluster',
    nodes: [
      { host: 'a', port: 7000 },
      { host: 'b.example.com', port: 6379 },
      { host: '::1', port: 7002 },
    ],
    tls: false,
  })
})

test('user, password and TLS of a cluster hold for all its nodes', () => {
  expect(parseRedisAddress('rediss+cluster://user:p%40ss%3A@a:1,b:2')).toEqual({
    kind: 'cluster',
    nodes: [
      { host: 'a', port: 1 },
      { host: 'b', port: 2 },
    ],
    username: 'user',
    password: 'p@ss:',
    tls: true,
  })
})

test.each([
  '',
  'redis',
  'redis://',
  'http://redis:6379',
  'redis://redis/name',
  'redis+cluster://',
  'redis+cluster://a:0',
  'redis+cluster://a:65536',
  'redis+cluster://a:1,,b:2',
  'redis+cluster://a:1,b:2/3',
  'redis+cluster://%zz@a:1',
])('%j is no address of a Redis', (text) => expect(parseRedisAddress(text)).toBeNull())
