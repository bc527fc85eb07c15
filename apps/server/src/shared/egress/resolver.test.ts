import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type NameServer, startNameServer } from './__fixtures__/name-server.ts'
import { createResolver } from './resolver.ts'

describe('createResolver', () => {
  let server: NameServer
  beforeAll(async () => {
    server = await startNameServer((name) => ZONE[name])
  })
  afterAll(() => server.close())

  const ask = (name: string, deadlineMs?: number) =>
    createResolver({ servers: [server.address], deadlineMs })(name, { isListed: false })

  it('gives all addresses of a name, of both families, IPv4 first', async () => {
    expect(await ask('both.provider.com')).toEqual(['8.8.8.8', '8.8.4.4', '2606:4700::1'])
  })

  it('gives the one family a name has', async () => {
    expect(await ask('six.provider.com')).toEqual(['2606:4700::2'])
  })

  it.each([
    { name: 'nobody.provider.com', reason: 'name_not_found', deadlineMs: 10_000 },
    { name: 'empty.provider.com', reason: 'name_not_found', deadlineMs: 10_000 },
    { name: 'silent.provider.com', reason: 'resolver_timeout', deadlineMs: 100 },
  ])('refuses $name: $reason', async ({ name, reason, deadlineMs }) => {
    await expect(ask(name, deadlineMs)).rejects.toMatchObject({ name: 'EgressError', reason })
  })

  it('gives up at its deadline', async () => {
    const start = performance.now()
    await expect(ask('silent.provider.com', 100)).rejects.toMatchObject({ reason: 'resolver_timeout' })
    expect(performance.now() - start).toBeLessThan(1_500)
  })

  it('never reads the hosts file for a name of the internet', async () => {
    await expect(ask('ip6-loopback')).rejects.toMatchObject({ reason: 'name_not_found' })
  })

  it('asks once for questions at the same moment, and again for the next', async () => {
    const resolve = createResolver({ servers: [server.address] })
    const questions = () => server.asked.filter((name) => name === 'shared.provider.com').length
    await Promise.all(Array.from({ length: 50 }, () => resolve('shared.provider.com', { isListed: false })))
    expect(questions()).toBe(2)
    await resolve('shared.provider.com', { isListed: false })
    expect(questions()).toBe(4)
  })

  it('leaves listed names to the system', async () => {
    const asked = server.asked.length
    const addresses = await createResolver({ servers: [server.address] })('localhost', { isListed: true })
    expect(addresses).toContain('127.0.0.1')
    expect(server.asked).toHaveLength(asked)
  })
})

const ZONE: Record<string, string[] | 'silence'> = {
  'both.provider.com': ['8.8.8.8', '2606:4700::1', '8.8.4.4'],
  'six.provider.com': ['2606:4700::2'],
  'shared.provider.com': ['8.8.8.8'],
  'empty.provider.com': [],
  'silent.provider.com': 'silence',
}
