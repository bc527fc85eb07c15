import { DEFAULT_SETTINGS } from '@turnpike/core/inputs/settings'
import { expect, test } from 'vitest'
import { createEgress } from '../../shared/egress/egress.ts'
import type { Mail, MailResult } from '../../shared/mail/mailer.ts'
import { parseSmtpUrl } from '../../shared/mail/smtp-config.ts'
import { createStoredSmtp } from '../../shared/mail/stored-smtp.ts'
import { trpcWorld } from '../../testing/trpc-world.ts'

const SHOWN = { ...DEFAULT_SETTINGS, 'smtp.hasPassword': false }

test('what is not stored has its default; what is set is kept, told, and written down', async () => {
  await using world = await trpcWorld()
  const { cookie } = await world.signIn('admin')
  expect((await world.get('settings.get', { cookie })).data).toEqual(SHOWN)
  const { data } = await world.post('settings.set', { cookie, input: { timeZone: 'Asia/Shanghai' } })
  expect(data).toEqual({ ...SHOWN, timeZone: 'Asia/Shanghai' })
  expect((await world.get('settings.get', { cookie })).data).toEqual(data)
  const log = Object((await world.get('audit.list', { cookie, input: { action: 'settings.set' } })).data).items
  expect(log).toMatchObject([{ change: { timeZone: { from: 'UTC', to: 'Asia/Shanghai' } } }])
})

test.each([
  [{ timeZone: 'Mars/Olympus' }, 'invalid_input'],
  [{ nonsense: 1 }, 'unknown_field'],
  [{ 'sessions.absoluteHours': 721 }, 'invalid_input'],
])('%j changes nothing', async (input, reason) => {
  await using world = await trpcWorld()
  const { cookie } = await world.signIn('admin')
  expect(await world.post('settings.set', { cookie, input })).toMatchObject({
    status: 400,
    error: { data: { reason } },
  })
  expect((await world.get('settings.get', { cookie })).data).toEqual(SHOWN)
})

test('how long a sign-in lasts is a setting', async () => {
  await using world = await trpcWorld()
  const { user, cookie } = await world.signIn('admin')
  await world.post('settings.set', { cookie, input: { 'sessions.absoluteHours': 2 } })
  const { expiresAt } = await world.services.sessions.begin(user.id, { ip: '127.0.0.1', userAgent: null })
  expect(Math.abs(expiresAt.getTime() - world.clock.now() - 2 * 3_600_000)).toBeLessThan(5_000)
})

const SMTP = { 'smtp.host': 'mail.provider.com', 'smtp.from': 'turnpike@ops.test', 'smtp.user': 'u' }

test('the mail password is kept sealed, never shown, and the mailer gets it', async () => {
  await using world = await trpcWorld()
  const { cookie } = await world.signIn('admin')
  const { data, text } = await world.post('settings.set', {
    cookie,
    input: { ...SMTP, 'smtp.password': 's3cret-word' },
  })
  expect(data).toMatchObject({ ...SMTP, 'smtp.hasPassword': true })
  const seen = await world.get('settings.get', { cookie })
  const log = await world.get('audit.list', { cookie, input: { action: 'settings.set' } })
  const stored = JSON.stringify(await world.database.sql`select * from settings`)
  for (const place of [text, seen.text, log.text, stored, world.logged.join()])
    expect(place).not.toContain('s3cret-word')
  const config = createStoredSmtp({ db: world.database.db, box: world.box, fallback: null })
  expect(await config()).toMatchObject({ host: 'mail.provider.com', user: 'u', password: 's3cret-word' })
  await world.post('settings.set', { cookie, input: { 'smtp.password': null } })
  expect(await config()).toMatchObject({ password: null })
})

test('the environment says how mail leaves until the panel does', async () => {
  await using world = await trpcWorld()
  const fallback = parseSmtpUrl('smtps://a%40ops.test:p@mail.example.com')
  const config = createStoredSmtp({ db: world.database.db, box: world.box, fallback })
  expect(await config()).toEqual(fallback)
  const { cookie } = await world.signIn('admin')
  await world.post('settings.set', { cookie, input: SMTP })
  expect(await config()).toMatchObject({ host: 'mail.provider.com', password: null })
})

test('a mail server inside, and a password in the clear, are refused', async () => {
  const egress = createEgress({ privateUpstreams: [], resolve: async () => ['127.0.0.1'] })
  await using world = await trpcWorld({ publicEgress: egress })
  const { cookie } = await world.signIn('admin')
  expect(await world.post('settings.set', { cookie, input: SMTP })).toMatchObject({
    error: { data: { reason: 'unsafe_destination', field: 'smtp.host' } },
  })
  const open = { 'smtp.security': 'none', 'smtp.password': 'p' }
  expect(await world.post('settings.set', { cookie, input: open })).toMatchObject({
    error: { data: { reason: 'invalid_input', field: 'smtp.security' } },
  })
  expect((await world.get('settings.get', { cookie })).data).toEqual(SHOWN)
  // What has nothing to do with mail is not kept from being set.
  await world.database.sql`insert into settings (key, value) values ('smtp.host', '"inside.provider.com"'::jsonb)`
  await world.database.sql`insert into settings (key, value) values ('smtp.from', '"a@ops.test"'::jsonb)`
  expect(await world.post('settings.set', { cookie, input: { timeZone: 'Europe/Berlin' } })).toMatchObject({
    data: { timeZone: 'Europe/Berlin' },
  })
  await egress.close()
})

test('a mail server without a sender is refused, before and after', async () => {
  await using world = await trpcWorld()
  const { cookie } = await world.signIn('admin')
  const refused = { error: { data: { reason: 'invalid_input', field: 'smtp.from' } } }
  const { 'smtp.from': _, ...half } = SMTP
  expect(await world.post('settings.set', { cookie, input: half })).toMatchObject(refused)
  await world.post('settings.set', { cookie, input: SMTP })
  expect(await world.post('settings.set', { cookie, input: { 'smtp.from': null } })).toMatchObject(refused)
  expect((await world.get('settings.get', { cookie })).data).toMatchObject(SMTP)
  await world.post('settings.set', { cookie, input: { 'smtp.host': null, 'smtp.from': null, 'smtp.user': null } })
  expect((await world.get('settings.get', { cookie })).data).toEqual(SHOWN)
})

test('a test mail goes to whoever asks, and says status class and latency', async () => {
  const sent: string[][] = []
  const mailer = {
    async send({ to }: Mail): Promise<MailResult> {
      sent.push([...to])
      if (sent.length === 1) return { kind: 'sent', status: 250, refused: [] }
      return { kind: 'failed', outcome: 'rejected', isPermanent: true, status: 550 }
    },
  }
  await using world = await trpcWorld({ mailer })
  const { cookie } = await world.signIn('admin')
  const ask = (input = {}) => world.post('settings.smtpTest', { cookie, input })
  expect((await ask()).data).toMatchObject({ ok: true, statusClass: '2xx', reason: null })
  expect((await ask({ to: 'b@ops.test' })).data).toMatchObject({ ok: false, statusClass: '5xx', reason: 'rejected' })
  expect(sent).toEqual([['admin@turnpike.test'], ['b@ops.test']])
  await ask()
  expect(await ask()).toMatchObject({ error: { data: { reason: 'too_many_attempts' } } })
})
