import { alertChannels, alertProgress, opsAlertRules } from '@turnpike/db/schema'
import { expect, test } from 'vitest'
import { silentLog } from '../../../shared/logger.ts'
import { deliveryWorld } from './__fixtures__/delivery-world.ts'
import { startReceiver } from './__fixtures__/receiver.ts'
import { createDeadMan } from './dead-man.ts'

const MINUTE = 60_000

test('a dead-man channel is called once a minute by all instances together, and not while evaluation stands still', async () => {
  await using world = await deliveryWorld()
  await using receiver = await startReceiver()
  await world.addChannel({ url: receiver.url, template: 'generic' }, { isDeadMan: true, isDefault: false })
  await world.addChannel({ url: receiver.url, template: 'generic' }, { isDeadMan: false })
  await world.db.update(opsAlertRules).set({ enabled: false })
  const { rule } = (await world.begin())()
  const evaluatedTo = (ms: number) => new Date(world.clock.now() - ms)
  await world.db.insert(alertProgress).values({ ruleId: rule.id, evaluatedTo: evaluatedTo(MINUTE) })
  const ping = createDeadMan({ ...world.options, log: silentLog })
  await Promise.all([ping(), ping()])
  await ping()
  expect(receiver.received.map(({ body }) => JSON.parse(body).type)).toEqual(['alert.ping'])
  world.advance(MINUTE)
  await ping()
  expect(receiver.received).toHaveLength(2)
  await world.db.update(alertProgress).set({ evaluatedTo: evaluatedTo(3 * MINUTE) })
  world.advance(MINUTE)
  await ping()
  expect(receiver.received).toHaveLength(2)
})

test('a call that was not answered leaves the time of the last one that was', async () => {
  await using world = await deliveryWorld()
  let status = 204
  await using receiver = await startReceiver(() => ({ status }))
  await world.addChannel({ url: receiver.url, template: 'generic' }, { isDeadMan: true })
  await world.db.update(opsAlertRules).set({ enabled: false })
  const ping = createDeadMan(world.options)
  await ping()
  const answeredAt = new Date(world.clock.now())
  status = 500
  world.advance(MINUTE)
  await ping()
  expect(receiver.received).toHaveLength(2)
  expect(await world.db.select().from(alertChannels)).toMatchObject([{ lastPingAt: answeredAt }])
})
