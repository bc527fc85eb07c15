import { setImmediate as nextTurn } from 'node:timers/promises'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { get } from './__fixtures__/dispatch.ts'
import { type Listener, listenHttp, listenTcp } from './__fixtures__/listener.ts'
import { startNameServer } from './__fixtures__/name-server.ts'
import { connectFailureOf } from './connect-failure.ts'
import { createEgress, type Egress, type EgressOptions } from './egress.ts'
import { EgressError } from './egress-error.ts'
import { createResolver } from './resolver.ts'

const CONNECT = { connectMs: 10_000 }

const opened: AsyncDisposable[] = []
afterEach(async () => {
  vi.useRealTimers()
  vi.unstubAllEnvs()
  for (const one of opened.splice(0).reverse()) await one[Symbol.asyncDispose]()
})

function open(options: EgressOptions): Egress {
  const egress = createEgress(options)
  opened.push({ [Symbol.asyncDispose]: () => egress.close() })
  return egress
}

async function keep<T extends Listener>(listening: Promise<T>): Promise<T> {
  const listener = await listening
  opened.push(listener)
  return listener
}

/** The failure of a request, as the gateway sees it. */
async function failureOf(egress: Egress, url: string, connectMs = CONNECT.connectMs): Promise<string | null> {
  try {
    await get(egress.poolFor(url, { connectMs }))
    return 'answered'
  } catch (error) {
    return connectFailureOf(error)
  }
}

describe('a request', () => {
  it('reaches an upstream on the private list, by address', async () => {
    const upstream = await keep(listenHttp())
    const egress = open({ privateUpstreams: [`127.0.0.1:${upstream.port}`] })
    const answer = await get(egress.poolFor(`http://127.0.0.1:${upstream.port}/v1`, CONNECT))
    expect(answer).toMatchObject({ status: 200, body: `hello 127.0.0.1:${upstream.port}` })
  })

  it('reaches a listed name through the system, and sends that name', async () => {
    const upstream = await keep(listenHttp())
    const egress = open({ privateUpstreams: [`localhost:${upstream.port}`] })
    await expect(egress.checkUrl(`http://localhost:${upstream.port}`)).resolves.toBeUndefined()
    const answer = await get(egress.poolFor(`http://localhost:${upstream.port}`, CONNECT))
    expect(answer.body).toBe(`hello localhost:${upstream.port}`)
  })

  it('reaches a name whose every address is in a listed range', async () => {
    const upstream = await keep(listenHttp())
    const egress = open({ privateUpstreams: ['127.0.0.0/8'], resolve: async () => ['127.0.0.1'] })
    const answer = await get(egress.poolFor(`http://gpu.provider.com:${upstream.port}`, CONNECT))
    expect(answer.body).toBe(`hello gpu.provider.com:${upstream.port}`)
  })

  it('goes to the next address where one does not answer', async () => {
    const upstream = await keep(listenHttp())
    const egress = open({ privateUpstreams: ['127.0.0.0/8'], resolve: async () => ['127.9.9.9', '127.0.0.1'] })
    expect(await failureOf(egress, `http://gpu.provider.com:${upstream.port}`)).toBe('answered')
  })

  it('finds a connection kept alive, without resolving again', async () => {
    const upstream = await keep(listenHttp())
    const resolve = vi.fn(async () => ['127.0.0.1'])
    const egress = open({ privateUpstreams: ['127.0.0.0/8'], resolve })
    const url = `http://gpu.provider.com:${upstream.port}`
    for (let n = 0; n < 10; n += 1) {
      await get(egress.poolFor(`${url}/v1/${n}`, CONNECT))
      // A connection is free again one turn after its answer ended.
      await nextTurn()
    }
    expect(upstream.connections()).toBe(1)
    expect(resolve).toHaveBeenCalledTimes(1)
    expect(egress.stats()).toEqual({ pools: 1, connected: 1, running: 0, pending: 0 })
  })

  it('follows no redirect', async () => {
    const canary = await keep(listenHttp())
    const location = `http://127.0.0.1:${canary.port}/`
    const upstream = await keep(listenHttp((_, response) => response.writeHead(307, { location }).end()))
    const egress = open({ privateUpstreams: ['127.0.0.1'] })
    const answer = await get(egress.poolFor(`http://127.0.0.1:${upstream.port}`, CONNECT))
    expect(answer).toMatchObject({ status: 307, headers: { location } })
    expect(canary.connections()).toBe(0)
  })

  it('takes no proxy from the environment', async () => {
    const [upstream, proxy] = [await keep(listenHttp()), await keep(listenHttp())]
    for (const name of ['HTTP_PROXY', 'HTTPS_PROXY', 'ALL_PROXY', 'http_proxy', 'https_proxy', 'all_proxy']) {
      vi.stubEnv(name, `http://127.0.0.1:${proxy.port}`)
    }
    vi.stubEnv('NODE_USE_ENV_PROXY', '1')
    const egress = open({ privateUpstreams: ['127.0.0.1'] })
    expect(await failureOf(egress, `http://127.0.0.1:${upstream.port}`)).toBe('answered')
    expect([upstream.connections(), proxy.connections()]).toEqual([1, 0])
  })

  it.each([
    { bytes: 30 * 1024, isTaken: true },
    { bytes: 33 * 1024, isTaken: false },
  ])('takes an answer with $bytes bytes of headers: $isTaken', async ({ bytes, isTaken }) => {
    const filler = 'x'.repeat(1_000)
    const headers = Object.fromEntries(Array.from({ length: Math.floor(bytes / 1_010) }, (_, n) => [`x-${n}`, filler]))
    const upstream = await keep(listenHttp((_, response) => response.writeHead(200, headers).end('ok')))
    const egress = open({ privateUpstreams: ['127.0.0.1'] })
    const answer = get(egress.poolFor(`http://127.0.0.1:${upstream.port}`, CONNECT))
    if (isTaken) expect((await answer).body).toBe('ok')
    else await expect(answer).rejects.toMatchObject({ code: 'UND_ERR_HEADERS_OVERFLOW' })
  })
})

describe('a name that leads inside', () => {
  it.each([
    { addresses: ['127.0.0.1'], why: 'loopback' },
    { addresses: ['8.8.8.8', '127.0.0.1'], why: 'a public address beside it' },
    { addresses: ['::1'], why: 'IPv6 loopback' },
    { addresses: ['::ffff:127.0.0.1'], why: 'mapped' },
    { addresses: ['64:ff9b::7f00:1'], why: 'NAT64' },
    { addresses: ['169.254.169.254'], why: 'metadata' },
    { addresses: ['0.0.0.0'], why: 'this host' },
  ])('is refused by the check and by the connection: $why', async ({ addresses }) => {
    const egress = open({ privateUpstreams: [], resolve: async () => addresses })
    await expect(egress.checkUrl('https://a.provider.com')).rejects.toMatchObject({ reason: 'private_address' })
    expect(await failureOf(egress, 'https://a.provider.com')).toBe('unsafe_destination')
  })

  it('is refused by what a real name server says', async () => {
    const server = await startNameServer((name) =>
      name === 'inside.provider.com' ? ['8.8.8.8', '10.0.0.1'] : undefined,
    )
    opened.push({ [Symbol.asyncDispose]: () => server.close() })
    const egress = open({ privateUpstreams: [], resolve: createResolver({ servers: [server.address] }) })
    await expect(egress.checkUrl('https://inside.provider.com')).rejects.toMatchObject({ reason: 'private_address' })
    await expect(egress.checkUrl('https://none.provider.com')).rejects.toMatchObject({ reason: 'name_not_found' })
    expect(await failureOf(egress, 'https://inside.provider.com')).toBe('unsafe_destination')
    expect(await failureOf(egress, 'https://none.provider.com')).toBe('dns')
  })

  it('is judged anew for every connection: 1,000 answers that change are never followed inside', async () => {
    const upstream = await keep(listenHttp())
    const answers = [['127.0.0.1'], ['127.0.0.2'], ['127.0.0.1', '127.0.0.2'], ['::1'], ['10.0.0.1']]
    let given: string[] = []
    const egress = open({
      privateUpstreams: [`127.0.0.1:${upstream.port}`],
      resolve: async () => given,
    })
    const counts = { answered: 0, unsafe_destination: 0 }
    for (let n = 0; n < 1_000; n += 1) {
      given = answers[n % answers.length] ?? []
      const pool = egress.poolFor(`http://rebind.provider.com:${upstream.port}`, CONNECT)
      const outcome = await get(pool, { headers: { connection: 'close' } }).then(
        () => 'answered' as const,
        connectFailureOf,
      )
      if (outcome === 'answered' || outcome === 'unsafe_destination') counts[outcome] += 1
    }
    expect(counts).toEqual({ answered: 200, unsafe_destination: 800 })
    expect(upstream.connections()).toBe(200)
  })

  it('is never asked for a URL that is refused as it stands, and a canary on loopback hears nothing', async () => {
    const canary = await keep(listenTcp())
    const resolve = vi.fn(async () => ['127.0.0.1'])
    const egress = open({ privateUpstreams: [], resolve })
    const hosts = [
      '127.0.0.1',
      '127.1',
      '0x7f.1',
      '2130706433',
      '0',
      '[::1]',
      '[::ffff:127.0.0.1]',
      'localhost',
      'a.localhost',
    ]
    for (const scheme of ['http', 'https']) {
      for (const host of hosts) {
        const url = `${scheme}://${host}:${canary.port}/`
        expect(() => egress.poolFor(url, CONNECT), url).toThrow(EgressError)
        await expect(egress.checkUrl(url), url).rejects.toThrow(EgressError)
      }
    }
    expect(resolve).not.toHaveBeenCalled()
    expect(await failureOf(egress, 'https://rebind.provider.com:8443')).toBe('unsafe_destination')
    expect(canary.connections()).toBe(0)
  })
})

describe('a connection that cannot be made', () => {
  it('is told apart: refused', async () => {
    const gone = await listenTcp()
    await gone[Symbol.asyncDispose]()
    const egress = open({ privateUpstreams: ['127.0.0.1'] })
    expect(await failureOf(egress, `http://127.0.0.1:${gone.port}`)).toBe('refused')
  })

  it('is told apart: TLS with somebody who speaks none', async () => {
    const plain = await keep(listenTcp((socket) => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n')))
    const egress = open({ privateUpstreams: ['127.0.0.1'] })
    expect(await failureOf(egress, `https://127.0.0.1:${plain.port}`)).toBe('tls')
  })

  it.each([
    { phase: 'TLS', scheme: 'https', resolve: async () => ['127.0.0.1'] },
    { phase: 'the name', scheme: 'http', resolve: () => new Promise<string[]>(() => {}) },
  ])('is told apart: too slow in $phase', async ({ scheme, resolve }) => {
    const silent = await keep(listenTcp())
    const egress = open({ privateUpstreams: ['127.0.0.1'], resolve })
    expect(await failureOf(egress, `${scheme}://gpu.provider.com:${silent.port}`, 100)).toBe('timeout')
  })

  it('is told apart: no such name', async () => {
    const resolve = () => Promise.reject(new EgressError('name_not_found'))
    expect(await failureOf(open({ privateUpstreams: [], resolve }), 'https://a.provider.com')).toBe('dns')
  })

  it('is told apart from one that broke after it was made', async () => {
    const rude = await keep(listenTcp((socket) => socket.once('data', () => socket.destroy())))
    const egress = open({ privateUpstreams: ['127.0.0.1'] })
    expect(await failureOf(egress, `http://127.0.0.1:${rude.port}`)).toBeNull()
  })

  it('is tried again by the next request', async () => {
    const upstream = await keep(listenHttp())
    const resolve = vi.fn(async () => ['127.0.0.1']).mockRejectedValueOnce(new EgressError('resolver_failed'))
    const egress = open({ privateUpstreams: ['127.0.0.1'], resolve })
    expect(await failureOf(egress, `http://gpu.provider.com:${upstream.port}`)).toBe('dns')
    expect(await failureOf(egress, `http://gpu.provider.com:${upstream.port}`)).toBe('answered')
  })
})

describe('the pools', () => {
  it('are one per origin and connect time, whatever the path', () => {
    const egress = open({ privateUpstreams: [] })
    const pool = egress.poolFor('https://a.provider.com/v1', CONNECT)
    expect(egress.poolFor('https://A.provider.com:443/v2', CONNECT)).toBe(pool)
    expect(egress.poolFor('https://a.provider.com/v1', { connectMs: 1_000 })).not.toBe(pool)
    expect(egress.poolFor('https://b.provider.com/v1', CONNECT)).not.toBe(pool)
    expect(egress.stats().pools).toBe(3)
  })

  it('are 512 at most: the one more replaces one', () => {
    const egress = open({ privateUpstreams: [] })
    const first = egress.poolFor('https://a0.provider.com', CONNECT)
    for (let n = 0; n < 512; n += 1) egress.poolFor(`https://a${n}.provider.com`, CONNECT)
    expect(egress.poolFor('https://a0.provider.com', CONNECT)).toBe(first)
    egress.poolFor('https://a512.provider.com', CONNECT)
    expect(egress.stats().pools).toBe(512)
    expect(egress.poolFor('https://a0.provider.com', CONNECT)).not.toBe(first)
  })

  it('stay while they are asked for and go when they are not; what runs on one runs to its end', async () => {
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] })
    let finish = () => {}
    const upstream = await keep(
      listenHttp((_, response) => {
        response.write('first ')
        finish = () => response.end('last')
      }),
    )
    const egress = open({ privateUpstreams: ['127.0.0.1'] })
    const url = `http://127.0.0.1:${upstream.port}`
    const answer = get(egress.poolFor(url, CONNECT))
    await expect.poll(() => egress.stats().running).toBe(1)
    vi.advanceTimersByTime(5 * 60_000)
    expect(egress.stats().pools).toBe(1)
    egress.poolFor(url, CONNECT)
    vi.advanceTimersByTime(5 * 60_000)
    expect(egress.stats().pools).toBe(1)
    vi.advanceTimersByTime(5 * 60_000)
    expect(egress.stats()).toMatchObject({ pools: 0, running: 1 })
    await expect
      .poll(() => {
        finish()
        return egress.stats().running
      })
      .toBe(0)
    expect((await answer).body).toBe('first last')
  })

  it('end at close: requests under way, connections being made, and everything after', async () => {
    const silent = await keep(listenTcp())
    const egress = open({ privateUpstreams: ['127.0.0.1'] })
    const running = get(egress.poolFor(`http://127.0.0.1:${silent.port}`, CONNECT))
    const connecting = get(egress.poolFor(`https://127.0.0.1:${silent.port}`, CONNECT))
    const ended = Promise.allSettled([running, connecting])
    await expect.poll(() => silent.connections()).toBe(2)
    await egress.close()
    expect((await ended).map(({ status }) => status)).toEqual(['rejected', 'rejected'])
    expect(() => egress.poolFor(`http://127.0.0.1:${silent.port}`, CONNECT)).toThrow(new EgressError('closed'))
    expect(egress.stats()).toEqual({ pools: 0, connected: 0, running: 0, pending: 0 })
  })
})
