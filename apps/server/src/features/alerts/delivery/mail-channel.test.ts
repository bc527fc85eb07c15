import { expect, test } from 'vitest'
import {
  type MailServerBehaviour,
  startMailServer,
  type TestMailServer,
} from '../../../shared/mail/__fixtures__/mail-server.ts'
import { deliveryWorld } from './__fixtures__/delivery-world.ts'

const SECOND = 1_000
const RECIPIENTS = ['a@ops.test', 'b@ops.test']

async function worldWithMail(behaviour: MailServerBehaviour) {
  const server = await startMailServer(behaviour)
  const smtp = { host: '127.0.0.1', port: server.port, security: 'none', user: null, password: null } as const
  const world = await deliveryWorld({ smtp: { ...smtp, from: 'turnpike@ops.test' } })
  const channel = await world.addChannel({ recipients: RECIPIENTS })
  await world.tell((await world.begin())())
  return {
    world,
    server,
    channel,
    async [Symbol.asyncDispose]() {
      await world[Symbol.asyncDispose]()
      await server[Symbol.asyncDispose]()
    },
  }
}

function idsOf({ received }: TestMailServer): string[] {
  return received.map(({ raw }) => /^Message-ID: <(.*)@/im.exec(raw)?.[1] ?? '')
}

test('a mail tells what fires, with a link into the panel', async () => {
  await using of = await worldWithMail({})
  await of.world.outbox.idle()
  const { messageId, status } = (await of.world.deliveryOf(of.channel)) ?? {}
  expect([status, of.server.received.length]).toEqual(['sent', 1])
  expect(of.server.received[0]).toMatchObject({ to: RECIPIENTS })
  const raw = of.server.received[0]?.raw ?? ''
  expect(raw).toContain('Subject: [warning] Firing: Errors (standard)')
  expect(raw).toContain('https://panel.test/alerts/events?event=')
  expect(idsOf(of.server)).toEqual([messageId])
})

test.each<[string, MailServerBehaviour, object]>([
  [
    'refuses the recipients: given up',
    { onRecipient: () => ({ code: 550, message: 'no' }) },
    { status: 'dead', lastOutcome: 'rejected', lastStatus: 550 },
  ],
  [
    'turns everybody away for now: again in a second',
    { onConnect: () => ({ code: 421, message: 'busy' }) },
    { status: 'pending', lastOutcome: 'server_error', lastStatus: 421 },
  ],
  [
    'drops the connection: again in a second',
    { onMessage: () => 'cut' },
    { status: 'pending', lastOutcome: 'unreachable', lastStatus: null },
  ],
])('a mail server that %s', async (_what, behaviour, expected) => {
  await using of = await worldWithMail(behaviour)
  await of.world.outbox.look()
  await expect
    .poll(async () => (await of.world.deliveryOf(of.channel))?.lastOutcome ?? null, { timeout: 30_000 })
    .not.toBeNull()
  const row = await of.world.deliveryOf(of.channel)
  expect(row).toMatchObject({ ...expected, attempts: 1 })
  if (row?.status === 'pending') expect(row.nextAttemptAt.getTime()).toBe(of.world.clock.now() + SECOND)
})

test('a recipient who is greylisted is tried again under the same id, and nobody else hears it twice', async () => {
  let isGrey = true
  const onRecipient = (address: string) => {
    return isGrey && address === 'b@ops.test' ? { code: 451, message: 'later' } : undefined
  }
  await using of = await worldWithMail({ onRecipient })
  await of.world.outbox.idle()
  expect(await of.world.deliveryOf(of.channel)).toMatchObject({ status: 'pending', lastStatus: 451 })
  isGrey = false
  of.world.advance(SECOND)
  await of.world.outbox.idle()
  expect(await of.world.deliveryOf(of.channel)).toMatchObject({ status: 'sent', attempts: 2 })
  expect(of.server.received.map(({ to }) => to)).toEqual([['a@ops.test'], ['b@ops.test']])
  expect(new Set(idsOf(of.server)).size).toBe(1)
})

test('without mail settings a message waits for them', async () => {
  await using world = await deliveryWorld()
  const channel = await world.addChannel({ recipients: RECIPIENTS })
  await world.tell((await world.begin())())
  await world.outbox.idle()
  expect(await world.deliveryOf(channel)).toMatchObject({ status: 'pending', lastOutcome: 'not_configured' })
})
