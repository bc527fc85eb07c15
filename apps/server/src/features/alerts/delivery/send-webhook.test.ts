import { createHmac } from 'node:crypto'
import { messageOf } from '@turnpike/core/alerts/message'
import { Webhook } from 'standardwebhooks'
import { expect, test } from 'vitest'
import { listenTcp } from '../../../shared/egress/__fixtures__/listener.ts'
import { startNameServer } from '../../../shared/egress/__fixtures__/name-server.ts'
import { createEgress, type EgressOptions } from '../../../shared/egress/egress.ts'
import { createResolver } from '../../../shared/egress/resolver.ts'
import { type Behaviour, startReceiver } from './__fixtures__/receiver.ts'
import { createSendWebhook, type WebhookTarget } from './send-webhook.ts'

const SECRET = `whsec_${Buffer.alloc(32, 7).toString('base64')}`
const MESSAGE = messageOf(
  { kind: 'test', test: { at: '2026-11-30T12:00:00.000Z', by: 'a@ops.test' } },
  { id: '0190d7c2-0000-7000-8000-000000000001', severity: 'info', channelName: 'ops', panelUrl: 'https://panel.test' },
)
const LOOPBACK: EgressOptions = { privateUpstreams: ['127.0.0.0/8'] }
/** As in the product. */
const PUBLIC: EgressOptions = { privateUpstreams: [] }

async function send(target: Pick<WebhookTarget, 'url'> & Partial<WebhookTarget>, options = LOOPBACK, totalMs = 5_000) {
  const egress = createEgress(options)
  const sendWebhook = createSendWebhook({ egress, clock: { now: Date.now }, totalMs })
  try {
    return await sendWebhook({ template: 'generic', secret: SECRET, ...target }, MESSAGE)
  } finally {
    await egress.close()
  }
}

async function received(target: Partial<WebhookTarget>, behaviour: Behaviour = { status: 204 }) {
  await using receiver = await startReceiver(() => behaviour)
  const sent = await send({ ...target, url: `${receiver.url}?token=t` })
  const [request] = receiver.received
  if (request === undefined) throw new Error('nothing came')
  return { sent, ...request }
}

test('the signature is what the library of Standard Webhooks verifies, over the body as it is', async () => {
  const { headers, body, path } = await received({})
  const told = new Webhook(SECRET).verify(body, headers)
  expect(told).toMatchObject({ type: 'alert.test', data: { id: MESSAGE.id } })
  expect(headers['webhook-id']).toBe(MESSAGE.id)
  expect(path).toBe('/hook?token=t')
  expect(() => new Webhook(SECRET).verify(`${body} `, headers)).toThrow()
})

test('chats that sign in their own way are signed so, and no signature of ours is made with their key', async () => {
  const secret = 'SEC-of-the-chat'
  const ding = await received({ template: 'dingtalk', secret }, { status: 200, body: '{"errcode":0}' })
  const query = new URLSearchParams(ding.path.split('?')[1])
  const expected = createHmac('sha256', secret)
    .update(`${query.get('timestamp')}\n${secret}`)
    .digest('base64')
  expect(query.get('sign')).toBe(expected)
  expect(query.get('token')).toBe('t')
  expect(ding.headers).not.toHaveProperty('webhook-signature')
  const feishu = await received({ template: 'feishu', secret }, { status: 200, body: '{"code":0}' })
  const { timestamp, sign } = JSON.parse(feishu.body)
  expect(sign).toBe(createHmac('sha256', `${timestamp}\n${secret}`).digest('base64'))
  expect([ding.sent.verdict.outcome, feishu.sent.verdict.outcome]).toEqual(['ok', 'ok'])
})

test('of an answer no more than 64 KiB are read', async () => {
  const { sent } = await received({}, { status: 200, body: 'x'.repeat(5_000_000) })
  expect(sent).toMatchObject({ verdict: { outcome: 'ok' }, status: 200 })
  const long = await received({ template: 'wecom' }, { status: 200, body: `${' '.repeat(65_536)}{"errcode":0}` })
  expect(long.sent.verdict).toEqual({ outcome: 'server_error', next: 'retry' })
})

test('no redirect is followed, and how long a receiver wants to be left alone is heard', async () => {
  await using canary = await startReceiver()
  const { sent } = await received({}, { status: 302, headers: { location: canary.url } })
  expect(sent.verdict).toEqual({ outcome: 'redirect', next: 'retry' })
  const busy = await received({}, { status: 429, headers: { 'retry-after': '120' } })
  expect(busy.sent).toMatchObject({ verdict: { outcome: 'rate_limited' }, retryAfterMs: 120_000 })
  expect(canary.received).toEqual([])
})

test('every message is a connection of its own: nothing judged a moment ago is judged by its past', async () => {
  await using receiver = await startReceiver()
  const egress = createEgress(LOOPBACK)
  const sendWebhook = createSendWebhook({ egress, clock: { now: Date.now } })
  for (let n = 0; n < 3; n += 1) await sendWebhook({ url: receiver.url, template: 'generic', secret: SECRET }, MESSAGE)
  await egress.close()
  expect(receiver.connections()).toBe(3)
})

test('a receiver that says nothing has its time in all', async () => {
  await using silent = await startReceiver(() => 'silence')
  expect(await send({ url: silent.url }, LOOPBACK, 300)).toMatchObject({
    verdict: { outcome: 'timeout', next: 'retry' },
    status: null,
  })
})

const INSIDE = [
  'https://127.0.0.1:8443/',
  'https://127.1/',
  'https://0177.0.0.1/',
  'https://0x7f000001/',
  'https://2130706433/',
  'https://0/',
  'https://[::1]/',
  'https://[::]/',
  'https://[::127.0.0.1]/',
  'https://[::ffff:127.0.0.1]/',
  'https://[::ffff:7f00:1]/',
  'https://[64:ff9b::7f00:1]/',
  'https://[64:ff9b:1::7f00:1]/',
  'https://[2002:7f00:1::]/',
  'https://[2001:0:7f00:1::1]/',
  'https://[fe80::1]/',
  'https://[fd00:ec2::254]/',
  'https://169.254.169.254/latest/meta-data/',
  'https://100.100.100.200/',
  'https://168.63.129.16/',
  'https://１２７.０.０.１/',
  'https://localhost/',
  'https://localhost./',
  'https://a.localhost/',
  'https://printer.local/',
  'https://metadata.google.internal/',
  'https://intranet/',
  'https://a.provider.com:22/',
  'https://user:pass@a.provider.com/',
  'http://a.provider.com/',
  'ftp://a.provider.com/',
  'file:///etc/passwd',
  'https://a.provider.com\n.evil.test/',
]

test('a URL that leads inside is given up without a look-up or a connection', async () => {
  const asked: string[] = []
  const resolve = async (name: string) => {
    asked.push(name)
    return ['127.0.0.1']
  }
  for (const url of INSIDE) {
    const sent = await send({ url }, { ...PUBLIC, resolve })
    expect(sent.verdict, url).toEqual({ outcome: 'unsafe_destination', next: 'dead' })
  }
  expect(asked).toEqual([])
})

test.each([
  ['a private address', ['10.0.0.1']],
  ['loopback beside a public one', ['8.8.8.8', '127.0.0.1']],
  ['loopback, mapped', ['::ffff:127.0.0.1']],
  ['metadata', ['169.254.169.254']],
  ['NAT64 of loopback', ['64:ff9b::7f00:1']],
  ['6to4 of loopback', ['2002:7f00:1::']],
])('a name that a real name server leads to %s is refused, and tried again later', async (_what, addresses) => {
  await using canary = await listenTcp()
  const server = await startNameServer(() => addresses)
  const resolve = createResolver({ servers: [server.address] })
  const sent = await send({ url: 'https://hook.provider.com/' }, { ...PUBLIC, resolve })
  await server.close()
  expect(sent.verdict).toEqual({ outcome: 'unsafe_destination', next: 'retry' })
  expect(canary.connections()).toBe(0)
})

test('a name that was public when it was saved and leads inside when it is used reaches nobody', async () => {
  await using canary = await listenTcp()
  let looked = 0
  // The first look-up is that of the save; every later one points at this machine.
  const server = await startNameServer(() => {
    looked += 1
    return looked <= 2 ? ['8.8.8.8'] : ['127.0.0.1']
  })
  const egress = createEgress({ ...PUBLIC, resolve: createResolver({ servers: [server.address] }) })
  const url = `https://hook.provider.com:8443/`
  await egress.checkUrl(url)
  const sendWebhook = createSendWebhook({ egress, clock: { now: Date.now } })
  for (let n = 0; n < 20; n += 1) {
    const { verdict } = await sendWebhook({ url, template: 'generic', secret: SECRET }, MESSAGE)
    expect(verdict).toEqual({ outcome: 'unsafe_destination', next: 'retry' })
  }
  await egress.close()
  await server.close()
  expect(canary.connections()).toBe(0)
})
