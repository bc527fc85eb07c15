import { alertChannels, alertDeliveryAttempts, alertSilences, opsAlertEvents } from '@turnpike/db/schema'
import { eq } from 'drizzle-orm'
import { Webhook } from 'standardwebhooks'
import { expect, test, vi } from 'vitest'
import { listenTcp } from '../../../shared/egress/__fixtures__/listener.ts'
import { deliveryWorld, SECRET } from './__fixtures__/delivery-world.ts'
import { startReceiver } from './__fixtures__/receiver.ts'
import { createOutbox } from './outbox.ts'

const SECOND = 1_000
const MINUTE = 60_000
const HOUR = 3_600_000

test('a notice goes once to every default channel, signed, however often it is handed over', async () => {
  await using world = await deliveryWorld()
  await using one = await startReceiver()
  await using other = await startReceiver()
  await world.addChannel({ url: one.url, template: 'generic' })
  await world.addChannel({ url: other.url, template: 'slack' })
  const off = await world.addChannel({ url: other.url, template: 'generic' }, { isDefault: false })
  const notice = (await world.begin())()
  await world.tell(notice, notice)
  await world.tell(notice)
  await world.outbox.idle()
  await world.outbox.idle()
  expect([one.received.length, other.received.length]).toEqual([1, 1])
  const [got] = one.received
  const told = new Webhook(SECRET).verify(got?.body ?? '', got?.headers ?? {})
  expect(told).toMatchObject({
    type: 'alert.firing',
    data: {
      severity: 'warning',
      eventId: notice.eventId,
      url: `https://panel.test/alerts/events?event=${notice.eventId}`,
    },
  })
  const rows = await world.deliveries()
  expect(rows).toMatchObject([
    { status: 'sent', attempts: 1, lastStatus: 204, messageId: got?.headers['webhook-id'] },
    { status: 'sent', attempts: 1 },
  ])
  expect(await world.deliveryOf(off)).toBeUndefined()
})

test('each kind of trouble has its end, and a healthy channel beside it none', async () => {
  await using world = await deliveryWorld()
  await using canary = await startReceiver()
  const gone = await listenTcp()
  await gone[Symbol.asyncDispose]()
  const cases = [
    { behaviour: { status: 204 }, expected: { status: 'sent', lastOutcome: 'ok' }, waitMs: null },
    { behaviour: { status: 400 }, expected: { status: 'dead', lastOutcome: 'client_error' }, waitMs: null },
    { behaviour: { status: 410 }, expected: { status: 'dead', lastOutcome: 'gone' }, waitMs: null },
    { behaviour: { status: 408 }, expected: { status: 'pending', lastOutcome: 'client_error' }, waitMs: SECOND },
    { behaviour: { status: 500 }, expected: { status: 'pending', lastOutcome: 'server_error' }, waitMs: SECOND },
    {
      behaviour: { status: 429, headers: { 'retry-after': '7' } },
      expected: { status: 'pending', lastOutcome: 'rate_limited' },
      waitMs: 7 * SECOND,
    },
    {
      behaviour: { status: 307, headers: { location: canary.url } },
      expected: { status: 'pending', lastOutcome: 'redirect' },
      waitMs: SECOND,
    },
    { behaviour: 'cut', expected: { status: 'pending', lastOutcome: 'unreachable' }, waitMs: SECOND },
    { behaviour: 'down', expected: { status: 'pending', lastOutcome: 'unreachable' }, waitMs: SECOND },
  ] as const
  await using stack = new AsyncDisposableStack()
  const channels: number[] = []
  for (const { behaviour } of cases) {
    const receiver =
      behaviour === 'down' ? { url: `http://127.0.0.1:${gone.port}/` } : stack.use(await startReceiver(() => behaviour))
    channels.push(await world.addChannel({ url: receiver.url, template: 'generic' }))
  }
  await world.tell((await world.begin())())
  await world.outbox.look()
  const nowMs = world.clock.now()
  await vi.waitFor(
    async () => {
      const open = (await world.deliveries()).filter(({ lastOutcome }) => lastOutcome === null)
      expect(open).toEqual([])
    },
    { timeout: 60_000, interval: 50 },
  )
  for (const [at, { expected, waitMs }] of cases.entries()) {
    const row = await world.deliveryOf(channels[at] ?? 0)
    expect(row, JSON.stringify(expected)).toMatchObject({ ...expected, attempts: 1 })
    if (waitMs !== null) expect(row?.nextAttemptAt.getTime()).toBe(nowMs + waitMs)
  }
  expect(canary.received).toEqual([])
  const [disabled] = await world.db
    .select()
    .from(alertChannels)
    .where(eq(alertChannels.id, channels[2] ?? 0))
  expect(disabled).toMatchObject({ enabled: false, disabledReason: 'gone' })
})

test('a receiver that never answers is given up in time, and asked again', async () => {
  await using world = await deliveryWorld({ totalMs: 200 })
  await using receiver = await startReceiver(() => 'silence')
  const channel = await world.addChannel({ url: receiver.url, template: 'generic' })
  await world.tell((await world.begin())())
  await world.outbox.idle()
  const row = await world.deliveryOf(channel)
  expect(row).toMatchObject({ status: 'pending', lastOutcome: 'timeout', attempts: 1 })
  expect(row?.nextAttemptAt.getTime()).toBe(world.clock.now() + SECOND)
})

test('a receiver that is down for a day is tried 32 times, under one id, and then the message is given up', async () => {
  await using world = await deliveryWorld()
  await using receiver = await startReceiver(() => ({ status: 503 }))
  const channel = await world.addChannel({ url: receiver.url, template: 'generic' })
  await world.tell((await world.begin())())
  const waits: number[] = []
  for (;;) {
    await world.outbox.idle()
    const row = await world.deliveryOf(channel)
    if (row?.status !== 'pending') break
    const waitMs = row.nextAttemptAt.getTime() - world.clock.now()
    waits.push(waitMs)
    world.advance(waitMs)
  }
  expect(waits.slice(0, 9).map((ms) => ms / SECOND)).toEqual([1, 2, 4, 30, 120, 600, 1_800, 3_600, 3_600])
  expect(receiver.received).toHaveLength(32)
  expect(new Set(receiver.received.map(({ headers }) => headers['webhook-id'])).size).toBe(1)
  expect(await world.deliveryOf(channel)).toMatchObject({ status: 'dead', attempts: 32 })
  expect(await world.db.select().from(alertDeliveryAttempts)).toHaveLength(32)
})

test('a channel that hangs does not keep another one waiting', async () => {
  await using world = await deliveryWorld()
  let letGo = () => {}
  const held = new Promise<{ status: number }>((resolve) => {
    letGo = () => resolve({ status: 204 })
  })
  await using hanging = await startReceiver(() => held)
  await using healthy = await startReceiver()
  const slow = await world.addChannel({ url: hanging.url, template: 'generic' })
  const quick = await world.addChannel({ url: healthy.url, template: 'generic' })
  const notice = await world.begin()
  await world.tell(notice(), notice({ kind: 'repeat', sequence: 2 }))
  await world.outbox.look()
  await vi.waitFor(async () => expect(await world.deliveryOf(quick, 'repeat')).toMatchObject({ status: 'sent' }), {
    timeout: 30_000,
  })
  expect(await world.deliveryOf(slow, 'repeat')).toMatchObject({ status: 'pending', attempts: 0 })
  letGo()
  await world.outbox.idle()
})

test('resolved before the first message left: neither is sent; told of the beginning, told of the end', async () => {
  await using world = await deliveryWorld()
  let isUp = false
  await using receiver = await startReceiver(() => ({ status: isUp ? 204 : 503 }))
  await world.addChannel({ url: receiver.url, template: 'generic' })
  const first = (await world.begin())()
  await world.tell(first)
  await world.outbox.idle()
  await world.resolve(first)
  isUp = true
  world.advance(HOUR)
  await world.outbox.idle()
  expect(await world.deliveries()).toMatchObject([{ status: 'superseded' }, { status: 'superseded' }])
  const second = (await world.begin())()
  await world.tell(second)
  await world.outbox.idle()
  await world.resolve(second)
  await world.outbox.idle()
  const types = receiver.received.slice(1).map(({ body }) => JSON.parse(body).type)
  expect(types).toEqual(['alert.firing', 'alert.resolved'])
})

test('silences, maintenance and acknowledgement mute at the moment of sending, and say so', async () => {
  await using world = await deliveryWorld()
  await using receiver = await startReceiver()
  const channel = await world.addChannel({ url: receiver.url, template: 'generic' })
  const notice = await world.begin()
  await world.tell(notice())
  const [silence] = await world.db
    .insert(alertSilences)
    .values({
      startsAt: new Date(world.clock.now() - SECOND),
      endsAt: new Date(world.clock.now() + MINUTE),
      reason: 'r',
      labels: { group: '1' },
    })
    .returning()
  await world.outbox.idle()
  expect(await world.deliveryOf(channel)).toMatchObject({
    status: 'muted',
    muteReason: 'silence',
    silenceId: silence?.id,
    attempts: 0,
  })
  world.advance(MINUTE)
  const { eventId } = notice()
  await world.db.update(opsAlertEvents).set({ acknowledgedAt: new Date() }).where(eq(opsAlertEvents.id, eventId))
  await world.tell(notice({ kind: 'repeat', sequence: 2 }))
  await world.outbox.idle()
  expect(await world.deliveryOf(channel, 'repeat')).toMatchObject({ status: 'muted', muteReason: 'acknowledged' })
  expect(receiver.received).toEqual([])
})

test('what is beyond the hourly limit is counted, exactly, in one digest at the end of the hour', async () => {
  await using world = await deliveryWorld()
  await using receiver = await startReceiver()
  const channel = await world.addChannel({ url: receiver.url, template: 'generic' }, { hourlyLimit: 2 })
  for (let n = 0; n < 7; n += 1) await world.tell((await world.begin())())
  await world.outbox.idle()
  expect(receiver.received).toHaveLength(2)
  const rows = await world.deliveries()
  expect(rows.filter(({ muteReason }) => muteReason === 'digested')).toHaveLength(5)
  world.advance(HOUR)
  await world.outbox.idle()
  expect(receiver.received).toHaveLength(3)
  expect(JSON.parse(receiver.received[2]?.body ?? '')).toMatchObject({
    type: 'alert.digest',
    data: { count: 5, hourlyLimit: 2 },
  })
  expect(await world.deliveryOf(channel, 'digest')).toMatchObject({ status: 'sent' })
})

test('after five minutes of failure the fallback channel is told, and then of the end too', async () => {
  await using world = await deliveryWorld()
  await using broken = await startReceiver(() => ({ status: 503 }))
  await using spare = await startReceiver()
  await world.addChannel({ url: broken.url, template: 'generic' })
  const fallback = await world.addChannel({ url: spare.url, template: 'generic' }, { isDefault: false })
  const notice = (await world.begin({ notifyConfig: { sendResolved: true, fallbackChannelId: fallback } }))()
  await world.tell(notice)
  await world.outbox.idle()
  world.advance(5 * MINUTE - 1)
  await world.outbox.fallBack()
  expect(await world.deliveryOf(fallback)).toBeUndefined()
  world.advance(1)
  await world.outbox.fallBack()
  await world.outbox.fallBack()
  await world.outbox.idle()
  await world.resolve(notice)
  await world.outbox.idle()
  expect(spare.received.map(({ body }) => JSON.parse(body).type)).toEqual(['alert.firing', 'alert.resolved'])
  const [first] = await world.deliveries()
  expect(await world.deliveryOf(fallback)).toMatchObject({ fallbackOf: first?.id, status: 'sent' })
})

test('several instances share the work: of 40 messages none is lost and none is sent twice', async () => {
  await using world = await deliveryWorld()
  await using receiver = await startReceiver()
  for (let n = 0; n < 4; n += 1) {
    await world.addChannel({ url: receiver.url, template: 'generic' }, { hourlyLimit: 1_000 })
  }
  for (let n = 0; n < 10; n += 1) await world.tell((await world.begin())())
  const outboxes = [world.outbox, createOutbox(world.options), createOutbox(world.options)]
  await Promise.all(outboxes.map((outbox) => outbox.idle()))
  const ids = receiver.received.map(({ headers }) => headers['webhook-id'])
  expect(ids).toHaveLength(40)
  expect(new Set(ids).size).toBe(40)
})

test('messages of a channel that was deleted are written off', async () => {
  await using world = await deliveryWorld()
  const channel = await world.addChannel({ url: 'http://127.0.0.1:9/', template: 'generic' })
  await world.tell((await world.begin())())
  await world.db.delete(alertChannels).where(eq(alertChannels.id, channel))
  await world.outbox.idle()
  expect(await world.deliveries()).toMatchObject([
    { status: 'muted', muteReason: 'channel_disabled', channelId: null, channelName: 'ops' },
  ])
})
