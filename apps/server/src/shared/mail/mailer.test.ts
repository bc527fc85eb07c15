import { getCACertificates, setDefaultCACertificates } from 'node:tls'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { listenTcp } from '../egress/__fixtures__/listener.ts'
import { createEgress } from '../egress/egress.ts'
import { MAIL_CERT, type MailServerBehaviour, startMailServer } from './__fixtures__/mail-server.ts'
import { createMailer, type Mail } from './mailer.ts'
import type { SmtpConfig } from './smtp-config.ts'

const trusted = getCACertificates('default')
beforeAll(() => setDefaultCACertificates([...trusted, MAIL_CERT]))
afterAll(() => setDefaultCACertificates(trusted))

const MAIL: Mail = {
  id: '0190d7c2-0000-7000-8000-000000000001',
  to: ['a@ops.test', 'b@ops.test'],
  subject: 'Errors above 5 % – provider über',
  text: 'It fires.',
  html: '<p>It fires.</p>',
}
const SMTP: SmtpConfig = {
  host: 'upstream.provider.com',
  port: 0,
  security: 'none',
  user: null,
  password: null,
  from: 'turnpike@ops.test',
}

/** Every name leads to loopback, which is allowed here alone. */
async function sending(port: number, config: Partial<SmtpConfig> = {}, totalMs = 10_000) {
  const egress = createEgress({ privateUpstreams: ['127.0.0.0/8'], resolve: async () => ['127.0.0.1'] })
  try {
    return await createMailer({ egress, config: async () => ({ ...SMTP, port, ...config }), totalMs }).send(MAIL)
  } finally {
    await egress.close()
  }
}

async function sendingTo(behaviour: MailServerBehaviour, config: Partial<SmtpConfig> = {}) {
  await using server = await startMailServer(behaviour)
  const result = await sending(server.port, config)
  return { result, received: server.received, connections: server.connections() }
}

test('a mail goes to all its recipients at once, as text and HTML, under its own Message-ID', async () => {
  const { result, received } = await sendingTo({})
  expect(result).toEqual({ kind: 'sent', status: 250, refused: [] })
  expect(received).toMatchObject([{ from: 'turnpike@ops.test', to: ['a@ops.test', 'b@ops.test'], isSecure: false }])
  const raw = received[0]?.raw ?? ''
  expect(raw).toContain('Message-ID: <0190d7c2-0000-7000-8000-000000000001@turnpike.local>')
  expect(raw).toMatch(/multipart\/alternative[\s\S]*text\/plain[\s\S]*It fires\.[\s\S]*text\/html[\s\S]*<p>It fires/)
  expect(raw).toContain('Auto-Submitted: auto-generated')
})

test.each([
  { security: 'tls', behaviour: { isTls: true, password: 'right' } },
  { security: 'starttls', behaviour: { startTls: true, password: 'right' } },
] as const)('with $security the password travels inside TLS alone, and the name is the original one', async (of) => {
  const login = { security: of.security, user: 'u', password: 'right' }
  const { result, received } = await sendingTo(of.behaviour, login)
  expect(result).toEqual({ kind: 'sent', status: 250, refused: [] })
  expect(received).toMatchObject([{ user: 'u', isSecure: true }])
  expect((await sendingTo(of.behaviour, { ...login, host: 'other.provider.com' })).result).toMatchObject({
    outcome: 'tls',
  })
})

test('where STARTTLS is wanted and not offered, nothing is sent in the clear', async () => {
  const { result, received } = await sendingTo({ startTls: false }, { security: 'starttls' })
  expect(result).toMatchObject({ kind: 'failed', isPermanent: false })
  expect(received).toEqual([])
})

test.each([
  ['refuses the recipients', { onRecipient: () => ({ code: 550, message: 'no' }) }, 'rejected', true, 550],
  ['greylists', { onRecipient: () => ({ code: 451, message: 'later' }) }, 'server_error', false, 451],
  ['refuses the message', { onMessage: () => ({ code: 554, message: 'spam' }) }, 'rejected', true, 554],
  ['is full', { onMessage: () => ({ code: 452, message: 'full' }) }, 'server_error', false, 452],
  ['turns everybody away', { onConnect: () => ({ code: 421, message: 'busy' }) }, 'server_error', false, 421],
  ['cuts the connection at the start', { onConnect: () => 'cut' as const }, 'unreachable', false, null],
  ['cuts the connection after the message', { onMessage: () => 'cut' as const }, 'unreachable', false, null],
])('a server that %s', async (_what, behaviour, outcome, isPermanent, status) => {
  const { result, received } = await sendingTo(behaviour)
  expect(result).toEqual({ kind: 'failed', outcome, isPermanent, status })
  expect(received).toEqual([])
})

test('a wrong password is no reason to give a message up', async () => {
  const { result } = await sendingTo({ isTls: true, password: 'right' }, { security: 'tls', user: 'u', password: 'x' })
  expect(result).toEqual({ kind: 'failed', outcome: 'rejected', isPermanent: false, status: 535 })
})

test('a recipient who is refused beside others is named, and for how long', async () => {
  const onRecipient = (address: string) => (address === 'b@ops.test' ? { code: 451, message: 'later' } : undefined)
  const { result, received } = await sendingTo({ onRecipient })
  expect(result).toEqual({
    kind: 'sent',
    status: 250,
    refused: [{ address: 'b@ops.test', isPermanent: false, status: 451 }],
  })
  expect(received).toMatchObject([{ to: ['a@ops.test'] }])
})

test('a server that says nothing costs no more than the time of a mail', async () => {
  await using silent = await listenTcp()
  expect(await sending(silent.port, {}, 200)).toMatchObject({ outcome: 'timeout', isPermanent: false })
})

test('without settings nothing is tried', async () => {
  const mailer = createMailer({
    egress: { openMailSocket: () => Promise.reject(new Error('never')) },
    config: async () => null,
  })
  expect(await mailer.send(MAIL)).toMatchObject({ kind: 'failed', outcome: 'not_configured' })
})

test.each([
  { host: '127.0.0.1' },
  { host: 'localhost' },
  { host: 'inside.provider.com' },
  { host: '[::ffff:127.0.0.1]' },
])('a server inside is not reached: $host', async ({ host }) => {
  await using canary = await listenTcp()
  const egress = createEgress({ privateUpstreams: [], resolve: async () => ['8.8.8.8', '127.0.0.1'] })
  const mailer = createMailer({ egress, config: async () => ({ ...SMTP, host, port: canary.port }) })
  expect(await mailer.send(MAIL)).toMatchObject({ kind: 'failed', outcome: 'unsafe_destination' })
  const onMailPort = createMailer({ egress, config: async () => ({ ...SMTP, host, port: 25 }) })
  expect(await onMailPort.send(MAIL)).toMatchObject({ kind: 'failed', outcome: 'unsafe_destination' })
  await egress.close()
  expect(canary.connections()).toBe(0)
})
