import { expect, test } from 'vitest'
import { deliveryKey, labelsKey } from './notice.ts'

const RULE = {
  id: 7,
  name: 'Errors',
  description: '',
  metric: 'error_rate',
  aggregation: 'ratio',
  operator: '>',
  threshold: 5,
  windowMinutes: 5,
  forMinutes: 2,
  runbookUrl: null,
  notifyChannels: [],
  notifyConfig: { sendResolved: true, fallbackChannelId: null },
} as const
const NOTICE = { kind: 'firing', rule: RULE, labels: { group: '1', model: 'm' }, episode: 2, sequence: 1 } as const

test('labels have one text, in whatever order they come', () => {
  expect(labelsKey({ b: '2', a: '1' })).toBe(labelsKey({ a: '1', b: '2' }))
  expect(labelsKey({ a: '1,"b":"2' })).not.toBe(labelsKey({ a: '1', b: '2' }))
})

test('a message is another one if its rule, labels, episode, kind, number or channel is', () => {
  const others = [
    deliveryKey(NOTICE, 2),
    deliveryKey({ ...NOTICE, rule: { ...RULE, id: 8 } }, 1),
    deliveryKey({ ...NOTICE, labels: { group: '1' } }, 1),
    deliveryKey({ ...NOTICE, episode: 3 }, 1),
    deliveryKey({ ...NOTICE, kind: 'resolved' }, 1),
    deliveryKey({ ...NOTICE, sequence: 2 }, 1),
  ]
  expect(new Set([deliveryKey(NOTICE, 1), ...others]).size).toBe(7)
  expect(deliveryKey({ ...NOTICE, labels: { model: 'm', group: '1' } }, 1)).toBe(deliveryKey(NOTICE, 1))
})
