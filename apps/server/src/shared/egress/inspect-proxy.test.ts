import { readFileSync } from 'node:fs'
import { getCACertificates, setDefaultCACertificates } from 'node:tls'
import { expect, test } from 'vitest'
import { get } from './__fixtures__/dispatch.ts'
import { listenHttp, listenHttps } from './__fixtures__/listener.ts'
import { startHttpProxy, startSocksProxy } from './__fixtures__/proxies.ts'
import { connectFailureOf } from './connect-failure.ts'
import { createEgress, type Egress } from './egress.ts'
import { inspectProxy, proxyHostOf } from './inspect-proxy.ts'
import { parsePrivateUpstreams } from './private-upstreams.ts'

const fixture = (name: string) => readFileSync(new URL(`./__fixtures__/${name}`, import.meta.url), 'utf8')

async function through<T>(work: (egress: Egress) => Promise<T>, privateUpstreams = ['127.0.0.1']): Promise<T> {
  const egress = createEgress({ privateUpstreams, resolve: async () => ['127.0.0.1'] })
  try {
    return await work(egress)
  } finally {
    await egress.close()
  }
}

function ask(egress: Egress, url: string, proxy: string) {
  return get(egress.poolFor(url, { connectMs: 5_000, proxy })).then(({ body }) => body, connectFailureOf)
}

test.each([
  ['http', startHttpProxy],
  ['socks5', startSocksProxy],
] as const)('a %s proxy is told the address that was judged, and leads there', async (scheme, start) => {
  await using upstream = await listenHttp()
  await using proxy = await start()
  const url = `http://localhost:${upstream.port}`
  const answer = await through(
    (egress) => ask(egress, url, `${scheme}://127.0.0.1:${proxy.port}`),
    ['127.0.0.1', 'localhost'],
  )
  expect([answer, proxy.asked]).toEqual([`hello localhost:${upstream.port}`, [`127.0.0.1:${upstream.port}`]])
})

test.each([
  ['http', () => startHttpProxy()],
  ['socks5', () => startSocksProxy({ password: 'p@ss' })],
] as const)('a %s proxy gets the credentials of its URL, decoded', async (scheme, start) => {
  await using upstream = await listenHttp()
  await using proxy = await start()
  const url = `http://127.0.0.1:${upstream.port}`
  await through((egress) => ask(egress, url, `${scheme}://us%20er:p%40ss@127.0.0.1:${proxy.port}`))
  expect(proxy.credentials).toEqual(['us er:p@ss'])
})

test('TLS is spoken with the destination through the proxy, under its own name', async () => {
  const trusted = getCACertificates('default')
  setDefaultCACertificates([...trusted, fixture('upstream-cert.pem')])
  try {
    await using upstream = await listenHttps({ cert: fixture('upstream-cert.pem'), key: fixture('upstream-key.pem') })
    for (const [scheme, start] of [
      ['http', startHttpProxy],
      ['socks5', startSocksProxy],
    ] as const) {
      await using proxy = await start()
      const host = `upstream.provider.com:${upstream.port}`
      const way = `${scheme}://127.0.0.1:${proxy.port}`
      expect(await through((egress) => ask(egress, `https://${host}`, way))).toBe(`hello ${host}`)
    }
  } finally {
    setDefaultCACertificates(trusted)
  }
})

test('a proxy may itself be spoken to over TLS, and its certificate must be right', async () => {
  await using upstream = await listenHttp()
  await using proxy = await listenHttps({ cert: fixture('upstream-cert.pem'), key: fixture('upstream-key.pem') })
  const way = `https://127.0.0.1:${proxy.port}`
  expect(await through((egress) => ask(egress, `http://127.0.0.1:${upstream.port}`, way))).toBe('proxy')
  expect(upstream.connections()).toBe(0)
})

test('a proxy that refuses, wants another password or is not there is never passed by', async () => {
  await using upstream = await listenHttp()
  await using refusing = await startHttpProxy({ status: 407 })
  await using locked = await startSocksProxy({ password: 'right' })
  const url = `http://127.0.0.1:${upstream.port}`
  const ways = [
    `http://127.0.0.1:${refusing.port}`,
    `socks5://user:wrong@127.0.0.1:${locked.port}`,
    `socks5://127.0.0.1:${locked.port}`,
    'http://127.0.0.1:1',
  ]
  const answers = await through((egress) => Promise.all(ways.map((way) => ask(egress, url, way))))
  expect(answers).toEqual(['proxy', 'proxy', 'proxy', 'proxy'])
  expect(upstream.connections()).toBe(0)
})

test('the destination is judged as without a proxy, and so is the proxy', async () => {
  const egress = createEgress({ privateUpstreams: ['127.0.0.2'], resolve: async () => ['10.0.0.1'] })
  const options = { connectMs: 1_000, proxy: 'http://127.0.0.2:1' }
  expect(() => egress.poolFor('http://10.0.0.1', options)).toThrow('private_address')
  const hidden = await get(egress.poolFor('https://name.provider.com', options)).catch(connectFailureOf)
  expect(hidden).toBe('unsafe_destination')
  expect(() => egress.poolFor('https://8.8.8.8', { connectMs: 1_000, proxy: 'http://127.0.0.1:1' })).toThrow(
    'private_address',
  )
  await expect(egress.checkProxy('socks5://proxy.provider.com')).rejects.toThrow('private_address')
  await egress.close()
})

const listed = parsePrivateUpstreams([])

test.each([
  ['http://8.8.8.8:3128', { kind: 'http', port: 3128, credentials: null }],
  ['HTTPS://Proxy.Provider.com/', { kind: 'https', port: 443, credentials: null }],
  ['socks5://user@proxy.provider.com', { kind: 'socks5', port: 1080, credentials: { user: 'user', password: '' } }],
  ['socks5://[2606:4700::1]:80', { kind: 'socks5', port: 80, credentials: null }],
])('%s is read', (text, { port, ...expected }) => {
  expect(inspectProxy(text, listed)).toMatchObject({ ...expected, destination: { port, unlessListed: null } })
})

test.each([
  ['', 'invalid_url'],
  ['ftp://8.8.8.8', 'invalid_url'],
  ['socks4://8.8.8.8', 'invalid_url'],
  ['http://8.8.8.8/path', 'invalid_url'],
  ['http://8.8.8.8?x', 'invalid_url'],
  ['http://8.8.8.8:0', 'invalid_url'],
  ['http://8.8.8.8:65536', 'invalid_url'],
  ['http://a b', 'control_character'],
  [`http://${'u'.repeat(256)}@8.8.8.8`, 'user_info'],
  ['http://%zz@8.8.8.8', 'user_info'],
  ['http://localhost:3128', 'special_name'],
  ['socks5://10.0.0.1', 'private_address'],
  ['socks5://0x7f.1', 'private_address'],
  ['http://169.254.169.254', 'private_address'],
])('the proxy %j is refused: %s', (text, reason) => {
  expect(() => inspectProxy(text, listed)).toThrow(reason)
})

test('people see host and port of a proxy, nothing of its credentials', () => {
  expect(proxyHostOf('socks5://user:secret@Proxy.Provider.com')).toBe('proxy.provider.com:1080')
  expect(proxyHostOf('http://8.8.8.8:3128')).toBe('8.8.8.8:3128')
})
