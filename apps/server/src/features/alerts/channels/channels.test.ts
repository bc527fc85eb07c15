import { Webhook } from 'standardwebhooks'
import { expect, test } from 'vitest'
import { listenTcp } from '../../../shared/egress/__fixtures__/listener.ts'
import { createEgress } from '../../../shared/egress/egress.ts'
import { type TrpcWorld, trpcWorld } from '../../../testing/trpc-world.ts'
import { startReceiver } from '../delivery/__fixtures__/receiver.ts'
import { openChannelSecret } from './channel-secret.ts'

/** Loopback is allowed here, and nowhere in the product. */
async function worldWithReceiver(status = 200) {
  const receiver = await startReceiver(() => ({ status }))
  const egress = createEgress({ privateUpstreams: ['127.0.0.0/8'] })
  const world = await trpcWorld({ publicEgress: egress })
  const { cookie } = await world.signIn('admin')
  const url = `http://127.0.0.1:${receiver.port}/hook?token=t0ken`
  return {
    world,
    receiver,
    cookie,
    webhook: { name: 'ops', type: 'webhook', config: { url } },
    url,
    async [Symbol.asyncDispose]() {
      await world[Symbol.asyncDispose]()
      await egress.close()
      await receiver[Symbol.asyncDispose]()
    },
  }
}

async function made(world: TrpcWorld, cookie: string, input: object): Promise<{ id: number; secret: string }> {
  const { channel, secret } = Object((await world.post('alerts.channels.create', { cookie, input })).data)
  return { id: channel.id, secret }
}

test('a webhook gets a signing secret that is shown once and kept sealed', async () => {
  await using of = await worldWithReceiver()
  const { world, cookie, webhook, url } = of
  const { data } = await world.post('alerts.channels.create', { cookie, input: webhook })
  expect(data).toMatchObject({
    channel: {
      name: 'ops',
      type: 'webhook',
      config: { url, template: 'generic' },
      isDefault: false,
      minSeverity: 'info',
      hourlyLimit: 60,
      enabled: true,
      version: 1,
    },
    secret: expect.stringMatching(/^whsec_[A-Za-z0-9+/]{43}=$/),
  })
  const { channel, secret } = Object(data)
  const stored = await world.database.sql<{ secret_sealed: string }[]>`select * from alert_channels`
  expect(JSON.stringify(stored)).not.toContain(secret)
  expect(openChannelSecret(world.box, channel.id, stored[0]?.secret_sealed ?? '')).toBe(secret)
  const read = await world.get('alerts.channels.get', { cookie, input: { id: channel.id } })
  expect(read.text).not.toContain(secret)
  expect(JSON.stringify(world.logged)).not.toContain(secret)
})

test('a new secret takes the place of the old one; one that the receiver gave stays the receiver’s', async () => {
  await using of = await worldWithReceiver()
  const { world, cookie, webhook, receiver } = of
  const { id, secret } = await made(world, cookie, webhook)
  const { data } = await world.post('alerts.channels.rotateSecret', { cookie, input: { id } })
  const fresh = Object(data).secret
  expect(fresh).not.toBe(secret)
  await world.post('alerts.channels.test', { cookie, input: { id } })
  const [got] = receiver.received
  expect(() => new Webhook(fresh).verify(got?.body ?? '', got?.headers ?? {})).not.toThrow()
  expect(() => new Webhook(secret).verify(got?.body ?? '', got?.headers ?? {})).toThrow()
  const pager = { ...webhook, config: { ...webhook.config, template: 'pagerduty' }, secret: 'routing-key-1' }
  const { id: pagerId } = await made(world, cookie, pager)
  expect(await world.post('alerts.channels.rotateSecret', { cookie, input: { id: pagerId } })).toMatchObject({
    status: 409,
  })
})

test('a test message says status class and latency, nothing the receiver said, and few of them a minute', async () => {
  await using of = await worldWithReceiver(418)
  const { world, cookie, webhook } = of
  const { id } = await made(world, cookie, webhook)
  const ask = () => world.post('alerts.channels.test', { cookie, input: { id } })
  expect((await ask()).data).toEqual({
    ok: false,
    statusClass: '4xx',
    latencyMs: expect.any(Number),
    reason: 'client_error',
  })
  await ask()
  await ask()
  expect(await ask()).toMatchObject({ status: 429, error: { data: { reason: 'too_many_attempts' } } })
  world.clock.advance(60_000)
  expect((await ask()).status).toBe(200)
})

test('whoever may only read sees where a webhook leads, not the token in its path', async () => {
  await using of = await worldWithReceiver()
  const { world, cookie, webhook, receiver } = of
  await made(world, cookie, webhook)
  const { cookie: viewer } = await world.signIn('viewer')
  const seen = await world.get('alerts.channels.list', { cookie: viewer })
  expect(Object(seen.data).items).toMatchObject([{ config: { url: `http://127.0.0.1:${receiver.port}/…` } }])
  const log = await world.get('audit.list', { cookie })
  expect(log.text).not.toContain('t0ken')
})

test('a change that somebody else made meanwhile is not overwritten', async () => {
  await using of = await worldWithReceiver()
  const { world, cookie, webhook } = of
  const { id } = await made(world, cookie, webhook)
  const update = (input: object) => world.post('alerts.channels.update', { cookie, input: { id, ...input } })
  expect((await update({ version: 1, name: 'first', isDefault: true })).data).toMatchObject({
    name: 'first',
    isDefault: true,
    version: 2,
  })
  expect(await update({ version: 1, name: 'second' })).toMatchObject({
    status: 409,
    error: { data: { reason: 'version_conflict' } },
  })
  expect((await world.post('alerts.channels.remove', { cookie, input: { id } })).data).toMatchObject({ name: 'first' })
  expect((await world.get('alerts.channels.get', { cookie, input: { id } })).status).toBe(404)
})

test.each([
  ['no recipient', { type: 'email', config: { recipients: [] } }, 'config.recipients'],
  ['a recipient who is none', { type: 'email', config: { recipients: ['nobody'] } }, 'config.recipients.0'],
  ['a dead man by mail', { type: 'email', config: { recipients: ['a@ops.test'] }, isDeadMan: true }, 'isDeadMan'],
  ['an unknown template', { type: 'webhook', config: { url: 'https://a.test', template: 'fax' } }, 'config.template'],
  [
    'PagerDuty without its key',
    { type: 'webhook', config: { url: 'https://events.pagerduty.com/v2/enqueue', template: 'pagerduty' } },
    'secret',
  ],
])('%s is refused, with the field', async (_what, channel, field) => {
  await using of = await worldWithReceiver()
  const { cookie, world } = of
  const answer = await world.post('alerts.channels.create', { cookie, input: { name: 'n', ...channel } })
  expect(answer).toMatchObject({ status: 400, error: { data: { field } } })
})

test('a destination inside is refused when it is saved, and nobody inside hears of it', async () => {
  await using canary = await listenTcp()
  const egress = createEgress({ privateUpstreams: [], resolve: async () => ['8.8.8.8', '127.0.0.1'] })
  await using world = await trpcWorld({ publicEgress: egress })
  const { cookie } = await world.signIn('admin')
  const { port } = canary
  const urls = [
    `https://127.0.0.1:${port}/`,
    `http://127.0.0.1:${port}/`,
    'https://2130706433/',
    'https://0x7f.1/',
    'https://[::ffff:7f00:1]/',
    'https://[64:ff9b::7f00:1]/',
    'https://[2002:7f00:1::]/',
    'https://[2001::7f00:1]/',
    'https://[::7f00:1]/',
    'https://localhost/',
    'https://metadata.google.internal/',
    'https://169.254.169.254/',
    'https://rebind.provider.com/',
    'https://rebind.provider.com:8443/',
    'https://a.provider.com:22/',
    'https://user@a.provider.com/',
  ]
  for (const url of urls) {
    const input = { name: 'n', type: 'webhook', config: { url } }
    const answer = await world.post('alerts.channels.create', { cookie, input })
    expect(answer, url).toMatchObject({ status: 400, error: { data: { reason: 'unsafe_destination' } } })
  }
  await egress.close()
  expect(canary.connections()).toBe(0)
})
