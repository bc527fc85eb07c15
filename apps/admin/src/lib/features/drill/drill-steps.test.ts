import { expect, test } from 'vitest'
import type { Evidence } from './drill-evidence.ts'
import { GOOD_IN_ROW, isDrillOver, LATE_ALERT_MS, MAX_RECOVERY_MS, stepsOf } from './drill-steps.ts'

type Event = NonNullable<Evidence['event']>
type Delivery = Evidence['deliveries'][number]

const QUIET: Evidence = {
  faults: { set: 0, hits: 0, endsAt: null },
  switched: 0,
  errors: 0,
  event: null,
  deliveries: [],
  taken: new Map(),
}

function event(status: Event['status']): Event {
  const times = { firedAt: '2026-01-01T00:00:00.000Z', resolvedAt: null, acknowledgedAt: null, acknowledgedBy: null }
  const what = {
    id: 1,
    ruleId: 1,
    ruleName: 'Fire drill',
    metric: 'error_rate',
    severity: 'warning',
    labels: {},
  } as const
  return { ...what, ...times, status, metricValue: 50, thresholdValue: 5, resolvedReason: null } as Event
}

function delivery(kind: Delivery['kind'], status: Delivery['status']): Delivery {
  return { id: 1, kind, status, channelName: 'Fire drill', messageId: 'm' } as Delivery
}

test('while nothing was seen, all but the fault waits', () => {
  expect(stepsOf({ phase: 'failing', evidence: null, goodInRow: 0 })).toEqual({
    fault: 'running',
    failover: 'waiting',
    errors: 'waiting',
    alert: 'waiting',
    message: 'waiting',
    recovery: 'waiting',
  })
})

test('each step is done when it was seen, and the message when its receiver took it', () => {
  const seen = { ...QUIET, switched: 3, errors: 2, event: event('firing') }
  const steps = (deliveries: Delivery[]) =>
    stepsOf({ phase: 'failing', evidence: { ...seen, deliveries }, goodInRow: 0 })
  expect(steps([])).toMatchObject({ failover: 'done', errors: 'done', alert: 'done', message: 'waiting' })
  expect(steps([delivery('firing', 'sending')]).message).toBe('running')
  expect(steps([delivery('firing', 'dead')]).message).toBe('waiting')
  expect(steps([delivery('firing', 'sent')]).message).toBe('done')
})

test('what has not happened when the drill is over is told as missing, never as done', () => {
  expect(stepsOf({ phase: 'over', evidence: QUIET, goodInRow: 0 })).toEqual({
    fault: 'done',
    failover: 'missing',
    errors: 'missing',
    alert: 'missing',
    message: 'missing',
    recovery: 'missing',
  })
  const well = { ...QUIET, event: event('resolved') }
  expect(stepsOf({ phase: 'over', evidence: well, goodInRow: GOOD_IN_ROW }).recovery).toBe('done')
  expect(stepsOf({ phase: 'over', evidence: well, goodInRow: GOOD_IN_ROW - 1 }).recovery).toBe('missing')
})

test.each<[string, Partial<Evidence>, number, number, boolean]>([
  ['callers fail still', {}, GOOD_IN_ROW - 1, 0, false],
  ['callers are served, and nothing had failed', {}, GOOD_IN_ROW, 0, true],
  ['an alert may yet come', { errors: 1 }, GOOD_IN_ROW, LATE_ALERT_MS - 1, false],
  ['the alert would have come by now', { errors: 1 }, GOOD_IN_ROW, LATE_ALERT_MS, true],
  ['the alert fires still', { errors: 1, event: event('firing') }, GOOD_IN_ROW, LATE_ALERT_MS, false],
  [
    'its last message is under way',
    { event: event('resolved'), deliveries: [delivery('resolved', 'pending')] },
    GOOD_IN_ROW,
    0,
    false,
  ],
  [
    'everything is over',
    { event: event('resolved'), deliveries: [delivery('resolved', 'sent')] },
    GOOD_IN_ROW,
    0,
    true,
  ],
  ['it has lasted long enough', { event: event('firing') }, 0, MAX_RECOVERY_MS, true],
])('when %s', (_what, evidence, goodInRow, sinceFaultMs, isOver) => {
  expect(isDrillOver({ phase: 'recovering', evidence: { ...QUIET, ...evidence }, goodInRow }, sinceFaultMs)).toBe(
    isOver,
  )
})
