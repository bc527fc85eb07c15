import { type RuleInput, ruleSchema } from '@turnpike/core/alerts/rule'
import type { Outcome } from '@turnpike/core/gateway/outcome'
import { rollUp } from '@turnpike/db'
import { describe, expect, test } from 'vitest'
import { SYSTEM } from './shared/audit.ts'
import { alertWorld } from './testing/alert-world.ts'

const FAILED = {
  outcome: 'failed',
  status: 502,
  errorCode: 'upstream_failed',
} as const satisfies Partial<Outcome>
const ERRORS: RuleInput = {
  name: 'Errors',
  metric: 'error_rate',
  operator: '>',
  threshold: 50,
  windowMinutes: 1,
  forMinutes: 0,
  keepFiringMinutes: 0,
  minSamples: 1,
  repeatMinutes: 0,
}
const bad = (count = 1) => Array.from({ length: count }, () => FAILED)

test('an episode is one event with its messages, from firing to its end', async () => {
  await using world = await alertWorld()
  const { id } = await world.rule({ ...ERRORS, forMinutes: 1 })
  await world.minute(0, [{}])
  await world.evaluate(0)
  for (const minute of [1, 2, 3]) {
    await world.minute(minute, bad())
    await world.evaluate(minute)
  }
  await world.minute(4, [{}])
  await world.evaluate(4)
  expect(await world.events()).toEqual(['resolved 2–4 recovered'])
  expect(await world.outbox()).toEqual(['firing 1', 'resolved 2'])
  expect(world.notices[0]).toMatchObject({ value: 100, severity: 'warning', rule: { name: 'Errors', threshold: 50 } })
  expect(await world.rules.get(id)).toMatchObject({
    phase: 'inactive',
    lastTriggeredAt: new Date(world.atMs(2)).toISOString(),
  })
})

test('after a stop the missing minutes are judged one by one, as if nobody had been away', async () => {
  await using world = await alertWorld()
  await world.rule({ ...ERRORS, forMinutes: 3 })
  for (let minute = 0; minute <= 12; minute += 1) await world.minute(minute, minute >= 2 && minute <= 8 ? bad() : [{}])
  await world.evaluate(0)
  await world.evaluate(3)
  expect(await world.events()).toEqual([])
  await world.evaluate(12)
  expect(await world.events()).toEqual(['resolved 5–9 recovered'])
  expect(await world.evaluate(12)).toEqual({ judged: 0, failed: 0 })
})

test('a message that cannot be written undoes the step it tells of; the next run makes both', async () => {
  await using world = await alertWorld()
  await world.rule(ERRORS)
  await world.minute(0, [{}])
  await world.evaluate(0)
  await world.minute(1, bad())
  world.refuseMessages(new Error('cut off'))
  expect(await world.evaluate(1)).toEqual({ judged: 0, failed: 1 })
  expect([await world.events(), await world.outbox()]).toEqual([[], []])
  world.refuseMessages(null)
  await world.evaluate(1)
  expect([await world.events(), await world.outbox()]).toEqual([['firing 1–'], ['firing 1']])
})

test('a rule that fails three times in a row raises one alert about itself, and its state stays as it is', async () => {
  await using world = await alertWorld()
  const { id } = await world.rule(ERRORS)
  await world.minute(0, bad())
  await world.evaluate(0)
  await world.sql`alter table ops_samples rename to away`
  for (const minute of [1, 2, 3, 4]) await world.evaluate(minute)
  expect(await world.rules.get(id)).toMatchObject({
    failures: 4,
    phase: 'firing',
    lastError: expect.stringContaining('ops_samples'),
  })
  expect(await world.events()).toEqual(['firing 0–', 'firing evaluation=failing 1–'])
  await world.sql`alter table away rename to ops_samples`
  for (const minute of [1, 2, 3, 4]) await world.minute(minute, bad())
  await world.evaluate(4)
  expect(await world.events()).toEqual(['firing 0–', 'resolved evaluation=failing 1–1 recovered'])
  expect(await world.outbox()).toEqual(['firing 1', 'meta 1', 'resolved 2'])
  expect(await world.rules.get(id)).toMatchObject({ failures: 0, lastError: null })
})

describe('a rule that goes while it fires ends its episode, and says why', () => {
  test.each([
    ['changed', 'rule_changed'],
    ['disabled', 'rule_disabled'],
    ['deleted', 'rule_deleted'],
  ] as const)('%s', async (what, reason) => {
    await using world = await alertWorld()
    const { id, version } = await world.rule(ERRORS)
    await world.minute(0, bad())
    await world.evaluate(0)
    if (what === 'changed') await world.rules.update({ id, version, threshold: 40 }, SYSTEM)
    if (what === 'disabled') await world.rules.setEnabled({ id, enabled: false }, SYSTEM)
    if (what === 'deleted') await world.rules.remove(id, SYSTEM)
    expect((await world.events())[0]).toMatch(new RegExp(`^resolved 0–\\d+ ${reason}$`))
    expect(await world.outbox()).toEqual(['firing 1', 'resolved 2'])
    await world.minute(1, bad())
    await world.evaluate(1)
    expect((await world.events()).length).toBe(what === 'changed' ? 2 : 1)
  })

  test('a new name ends nothing', async () => {
    await using world = await alertWorld()
    const { id, version } = await world.rule(ERRORS)
    await world.minute(0, bad())
    await world.evaluate(0)
    await world.rules.update({ id, version, name: 'Other' }, SYSTEM)
    await world.minute(1, bad())
    await world.evaluate(1)
    expect(await world.events()).toEqual(['firing 0–'])
  })
})

test('while a rule is off its minutes are nobody’s, also when it is on again', async () => {
  await using world = await alertWorld()
  const { id } = await world.rule(ERRORS)
  await world.minute(0, [{}])
  await world.evaluate(0)
  await world.rules.setEnabled({ id, enabled: false }, SYSTEM)
  await world.minute(1, bad())
  await world.minute(2, [{}])
  await world.evaluate(2)
  await world.rules.setEnabled({ id, enabled: true }, SYSTEM)
  await world.evaluate(2)
  expect(await world.events()).toEqual([])
})

test('each group has its own state; one that is heard of no more is judged by what that says', async () => {
  await using world = await alertWorld()
  await world.rule({ ...ERRORS, groupBy: ['group'], noData: 'resolve' })
  await world.minute(0, [{ ...FAILED, groupId: 1 }, { groupId: 2 }])
  await world.evaluate(0)
  await world.minute(1, [{ ...FAILED, groupId: 2 }])
  await world.evaluate(1)
  expect(await world.events()).toEqual(['resolved group=1 0–1 no_data', 'firing group=2 1–'])
})

test('an event is explained by its values and by what moved', async () => {
  await using world = await alertWorld()
  await world.rule({ ...ERRORS, windowMinutes: 2 })
  await world.minute(0, [{}, {}])
  await world.evaluate(0)
  await world.minute(1, [
    { ...FAILED, model: 'm-1' },
    { ...FAILED, model: 'm-1' },
    { ...FAILED, model: 'm-1' },
  ])
  await world.evaluate(1)
  const { items } = await world.eventsOf.list({ limit: 10 })
  const explained = await world.eventsOf.get(items[0]?.id ?? 0)
  expect(explained.metricValue).toBe(60)
  expect(explained.explanation?.values.slice(-2).map(([, value]) => value)).toEqual([0, 60])
  expect(explained.explanation?.movers[0]).toMatchObject({ before: null, now: expect.any(Number) })
  expect(explained.explanation?.movers).toContainEqual(
    expect.objectContaining({ dimension: 'model', value: 'm-1', now: 100 }),
  )
})

test('who acknowledges and who resolves is on record; what still holds begins anew', async () => {
  await using world = await alertWorld()
  await world.rule({ ...ERRORS, forMinutes: 1 })
  for (const minute of [0, 1]) {
    await world.minute(minute, bad())
    await world.evaluate(minute)
  }
  const { items } = await world.eventsOf.list({ limit: 10 })
  const id = items[0]?.id ?? 0
  expect(await world.eventsOf.acknowledge(id, 7, SYSTEM)).toMatchObject({ acknowledgedBy: 7, status: 'firing' })
  expect(await world.eventsOf.resolve({ id, note: 'known' }, 7, SYSTEM)).toMatchObject({ status: 'manual_resolved' })
  await expect(world.eventsOf.resolve({ id }, 7, SYSTEM)).rejects.toThrow()
  await expect(world.eventsOf.acknowledge(id, 7, SYSTEM)).rejects.toThrow()
  expect(await world.eventsOf.get(id)).toMatchObject({ resolvedReason: 'manual', resolvedBy: 7, resolvedNote: 'known' })
  for (const minute of [2, 3]) {
    await world.minute(minute, bad())
    await world.evaluate(minute)
  }
  expect((await world.events())[1]).toBe('firing 3–')
  expect(await world.outbox()).toEqual(['firing 1', 'resolved 2', 'firing 1'])
  const entries = await world.sql`select action from audit_log order by id`
  expect(entries.map(({ action }) => action)).toEqual([
    'alerts.rules.create',
    'alerts.events.acknowledge',
    'alerts.events.resolve',
  ])
})

test('two who edit one rule: the second is told', async () => {
  await using world = await alertWorld()
  const { id, version } = await world.rule(ERRORS)
  expect(await world.rules.update({ id, version, threshold: 60 }, SYSTEM)).toMatchObject({
    version: 2,
    threshold: 60,
    recoveryThreshold: 60,
  })
  await expect(world.rules.update({ id, version, threshold: 70 }, SYSTEM)).rejects.toMatchObject({
    reason: 'version_conflict',
  })
  await expect(world.rules.update({ id, version: 2, threshold: 700 }, SYSTEM)).rejects.toThrow('threshold')
  await expect(world.rules.update({ id, version: 2, notifyChannels: [999] }, SYSTEM)).rejects.toMatchObject({
    field: 'notifyChannels',
  })
})

test('who follows gets every change once, also after a pause', async () => {
  await using world = await alertWorld()
  await world.rule(ERRORS)
  await world.minute(0, bad())
  await world.evaluate(0)
  await world.minute(1, [{}])
  const stop = new AbortController()
  const follow = (afterRevision: number | null) =>
    world.eventsFeed.subscribe({ afterRevision, signal: stop.signal, isSlow: () => false })
  const first = await follow(0).next()
  expect(first.value?.event.status).toBe('firing')
  await world.evaluate(1)
  const second = await follow(first.value?.revision ?? 0).next()
  expect(second.value?.event.status).toBe('resolved')
  expect(second.value?.revision).toBeGreaterThan(first.value?.revision ?? 0)
  stop.abort()
})

test('the past is judged by the functions that judge the present', async () => {
  await using world = await alertWorld()
  const rule = { ...ERRORS, windowMinutes: 3, forMinutes: 1, keepFiringMinutes: 1, threshold: 30 }
  await world.rule(rule)
  const failing = new Set([3, 4, 5, 9, 13, 14])
  for (let minute = 0; minute <= 20; minute += 1) {
    await world.minute(minute, failing.has(minute) ? [FAILED, {}] : [{}])
    await world.evaluate(minute)
  }
  await rollUp(world.sql)
  const preview = await world.preview({ rule: ruleSchema.parse(rule), range: '24h' })
  const episodes = preview.episodes.map(({ firedAt, resolvedAt }) => [
    Date.parse(firedAt),
    Date.parse(resolvedAt ?? ''),
  ])
  const lived = await world.sql<
    { fired_at: Date; resolved_at: Date }[]
  >`select * from ops_alert_events order by id desc`
  expect(episodes).toEqual(lived.map(({ fired_at, resolved_at }) => [fired_at.getTime(), resolved_at.getTime()]))
  expect(episodes.length).toBeGreaterThan(1)
})
