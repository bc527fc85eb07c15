import { alertDeliveryAttempts } from '@turnpike/db/schema'
import { expect, test } from 'vitest'
import { type DeliveryWorld, deliveryWorld } from './__fixtures__/delivery-world.ts'
import { startReceiver } from './__fixtures__/receiver.ts'
import { createClaim, LOCK_MS } from './claim.ts'
import { enqueueNotices } from './enqueue-notices.ts'
import { createOutbox } from './outbox.ts'
import type { SendToChannel } from './send-to-channel.ts'

/** An instance whose process ends at the named step: what it was about to do is never done. */
function dying(world: DeliveryWorld, at: 'after the claim' | 'after sending') {
  const never = new Promise<never>(() => {})
  const send: SendToChannel = async (channel, message, recipients) => {
    if (at === 'after sending') await world.send(channel, message, recipients)
    return never
  }
  return createOutbox({ ...world.options, send })
}

async function until(condition: () => Promise<boolean> | boolean): Promise<void> {
  await expect.poll(condition, { timeout: 30_000, interval: 20 }).toBe(true)
}

test('an instance killed before it sent loses nothing: another one sends when the lock ends, not before', async () => {
  await using world = await deliveryWorld()
  await using receiver = await startReceiver()
  const channel = await world.addChannel({ url: receiver.url, template: 'generic' })
  await world.tell((await world.begin())())
  await dying(world, 'after the claim').look()
  await until(async () => (await world.deliveryOf(channel))?.status === 'sending')
  world.advance(LOCK_MS - 1)
  await world.outbox.idle()
  expect(receiver.received).toEqual([])
  world.advance(1)
  await world.outbox.idle()
  expect(receiver.received).toHaveLength(1)
  expect(await world.deliveryOf(channel)).toMatchObject({ status: 'sent', attempts: 2 })
  const attempts = await world.db.select().from(alertDeliveryAttempts).orderBy(alertDeliveryAttempts.id)
  expect(attempts.map(({ outcome }) => outcome)).toEqual(['interrupted', 'ok'])
})

test('an instance killed after it sent makes one duplicate, under the same id', async () => {
  await using world = await deliveryWorld()
  await using receiver = await startReceiver()
  await world.addChannel({ url: receiver.url, template: 'generic' })
  await world.tell((await world.begin())())
  await dying(world, 'after sending').look()
  await until(() => receiver.received.length === 1)
  world.advance(LOCK_MS)
  await world.outbox.idle()
  await world.outbox.idle()
  const ids = receiver.received.map(({ headers }) => headers['webhook-id'])
  expect(ids).toHaveLength(2)
  expect(new Set(ids).size).toBe(1)
})

test('what may have arrived is not left hanging: its end is told', async () => {
  await using world = await deliveryWorld()
  await using receiver = await startReceiver()
  await world.addChannel({ url: receiver.url, template: 'generic' })
  const notice = (await world.begin())()
  await world.tell(notice)
  await dying(world, 'after sending').look()
  await until(() => receiver.received.length === 1)
  await world.resolve(notice)
  await world.outbox.idle()
  expect(receiver.received).toHaveLength(1)
  world.advance(LOCK_MS)
  await world.outbox.idle()
  const types = receiver.received.map(({ body }) => JSON.parse(body).type)
  expect(types).toEqual(['alert.firing', 'alert.resolved'])
})

test('a transaction that is undone leaves no message, and a claim that is undone leaves it due', async () => {
  await using world = await deliveryWorld()
  const channel = await world.addChannel({ url: 'http://127.0.0.1:9/', template: 'generic' })
  const notice = (await world.begin())()
  const undone = world.db.transaction(async (tx) => {
    await enqueueNotices(tx, [notice])
    throw new Error('killed')
  })
  await expect(undone).rejects.toThrow('killed')
  expect(await world.deliveries()).toEqual([])
  await world.tell(notice)
  const claimed = world.db.transaction(async (tx) => {
    const claim = createClaim({ db: tx, clock: world.clock })
    await claim(channel)
    throw new Error('killed')
  })
  await expect(claimed).rejects.toThrow('killed')
  expect(await world.deliveryOf(channel)).toMatchObject({ status: 'pending', attempts: 0 })
})
