import { expect, test } from 'vitest'
import type { Mail, MailResult } from '../../shared/mail/mailer.ts'
import { trpcWorld } from '../../testing/trpc-world.ts'

const SENT: MailResult = { kind: 'sent', status: 250, refused: [] }
const REFUSED: MailResult = { kind: 'failed', outcome: 'rejected', isPermanent: true, status: 550 }

function mailerThat(answer: MailResult, isConfigured = true) {
  const mails: Mail[] = []
  return {
    mails,
    isConfigured: async () => isConfigured,
    async send(mail: Mail) {
      mails.push(mail)
      return answer
    },
  }
}

test('where mail is set, an invitation and a password link go to the user, and to nobody else', async () => {
  const mailer = mailerThat(SENT)
  await using world = await trpcWorld({ mailer })
  const { cookie } = await world.signIn('admin')
  const made = await world.post('users.create', { cookie, input: { email: 'new@turnpike.test' } })
  const { id, invite } = Object(made.data)
  expect(invite.mailed).toBe(true)
  const reset = await world.post('users.resetPassword', { cookie, input: { id } })
  await expect.poll(() => mailer.mails.length, { timeout: 40_000 }).toBe(2)
  expect(mailer.mails.map(({ to }) => to)).toEqual([['new@turnpike.test'], ['new@turnpike.test']])
  expect(mailer.mails[0]?.text).toContain(invite.url)
  expect(mailer.mails[1]?.text).toContain(Object(reset.data).invite.url)
  const token = String(invite.url).split('#')[1] ?? ''
  expect(world.logged.join()).not.toContain(token)
})

test.each([
  ['where mail is not set', mailerThat(SENT, false), false],
  ['where the server refuses it', mailerThat(REFUSED), true],
])('%s the link is still there to hand over', async (_where, mailer, mailed) => {
  await using world = await trpcWorld({ mailer })
  const { cookie } = await world.signIn('admin')
  const made = await world.post('users.create', { cookie, input: { email: 'new@turnpike.test' } })
  expect(made.data).toMatchObject({ invite: { url: expect.stringContaining('#'), mailed } })
})

test('who gets a password gets no mail', async () => {
  const mailer = mailerThat(SENT)
  await using world = await trpcWorld({ mailer })
  const { cookie } = await world.signIn('admin')
  const input = { email: 'new@turnpike.test', password: 'long enough' }
  expect((await world.post('users.create', { cookie, input })).data).toMatchObject({ invite: null })
  expect(mailer.mails).toEqual([])
})
