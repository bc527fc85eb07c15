import { readFileSync } from 'node:fs'
import { getCACertificates, setDefaultCACertificates, TLSSocket } from 'node:tls'
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest'
import { get } from './__fixtures__/dispatch.ts'
import { listenHttps } from './__fixtures__/listener.ts'
import { connectFailureOf } from './connect-failure.ts'
import { createEgress } from './egress.ts'
import { EgressError } from './egress-error.ts'
import { assertPeer } from './open-socket.ts'

const fixture = (name: string) => readFileSync(new URL(`./__fixtures__/${name}`, import.meta.url), 'utf8')
const cert = fixture('upstream-cert.pem')
const key = fixture('upstream-key.pem')
const CONNECT = { connectMs: 5_000 }

describe('over TLS', () => {
  const trusted = getCACertificates('default')
  beforeAll(() => setDefaultCACertificates([...trusted, cert]))
  afterAll(() => setDefaultCACertificates(trusted))
  afterEach(() => vi.unstubAllEnvs())

  async function ask(host: string) {
    const names: string[] = []
    const protocols: unknown[] = []
    await using upstream = await listenHttps(
      {
        cert,
        key,
        ALPNProtocols: ['h2', 'http/1.1'],
        SNICallback(name, callback) {
          names.push(name)
          callback(null)
        },
      },
      (request, response) => {
        protocols.push('alpnProtocol' in request.socket && request.socket.alpnProtocol)
        response.end('ok')
      },
    )
    const egress = createEgress({ privateUpstreams: ['127.0.0.1'], resolve: async () => ['127.0.0.1'] })
    try {
      const url = `https://${host}:${upstream.port}`
      const outcome = await get(egress.poolFor(url, CONNECT)).then(({ body }) => body, connectFailureOf)
      return { outcome, names, protocols }
    } finally {
      await egress.close()
    }
  }

  it('the original name is asked for and must be in the certificate; HTTP/2 is not spoken', async () => {
    expect(await ask('upstream.provider.com')).toEqual({
      outcome: 'ok',
      names: ['upstream.provider.com'],
      protocols: ['http/1.1'],
    })
  })

  it('an address as host must be in the certificate, and is not sent as a name', async () => {
    expect(await ask('127.0.0.1')).toEqual({ outcome: 'ok', names: [], protocols: ['http/1.1'] })
  })

  it('a second connection resumes the session of the first', async () => {
    const resumed: boolean[] = []
    await using upstream = await listenHttps({ cert, key }, (request, response) => {
      resumed.push(request.socket instanceof TLSSocket && request.socket.isSessionReused())
      response.end('ok')
    })
    const egress = createEgress({ privateUpstreams: ['127.0.0.1'], resolve: async () => ['127.0.0.1'] })
    const pool = egress.poolFor(`https://upstream.provider.com:${upstream.port}`, CONNECT)
    await get(pool, { headers: { connection: 'close' } })
    await get(pool, { headers: { connection: 'close' } })
    await egress.close()
    expect(resumed).toEqual([false, true])
  })

  it('a certificate of another name is refused', async () => {
    expect(await ask('other.provider.com')).toMatchObject({ outcome: 'tls', protocols: [] })
  })

  it('a certificate nobody vouches for is refused, even where the environment would let it pass', async () => {
    setDefaultCACertificates(trusted)
    vi.stubEnv('NODE_TLS_REJECT_UNAUTHORIZED', '0')
    const answer = await ask('upstream.provider.com')
    setDefaultCACertificates([...trusted, cert])
    expect(answer).toMatchObject({ outcome: 'tls', protocols: [] })
  })
})

describe('assertPeer', () => {
  it.each([
    { peer: '8.8.8.8', isExpected: true },
    { peer: '2606:4700:0:0:0:0:0:1', isExpected: true },
    { peer: '8.8.8.9', isExpected: false },
    { peer: '::ffff:8.8.8.8', isExpected: false },
    { peer: '', isExpected: false },
    { peer: undefined, isExpected: false },
  ])('lets $peer be the peer of what was judged: $isExpected', ({ peer, isExpected }) => {
    const judge = () => assertPeer(peer, ['8.8.8.8', '2606:4700::1'])
    if (isExpected) expect(judge).not.toThrow()
    else expect(judge).toThrow(new EgressError('peer_mismatch'))
  })
})
