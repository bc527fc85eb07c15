import { type Rule as CheckedRule, ruleSchema } from '@turnpike/core/alerts/rule'
import { expect, test } from 'vitest'
import { aggregationFor, newRule, type RuleValues, ruleInput, valuesOfRule } from './rule-values.ts'

const FULL: RuleValues = {
  ...newRule(),
  name: 'Slow',
  metric: 'latency_ms',
  aggregation: 'p95',
  operator: '>=',
  threshold: '1500.5',
  recoveryThreshold: '1000',
  filters: [{ dimension: 'model', op: 'in', values: ' a \n\nb' }],
  groupBy: ['group', ''],
  channelIds: [4],
  fallbackId: '5',
  labels: 'team=edge',
  runbookUrl: 'https://wiki.example/slow',
}

function checked(values: RuleValues): CheckedRule {
  return ruleSchema.parse(ruleInput(values))
}

test('a new rule lacks nothing but its name', () => {
  const parsed = ruleSchema.safeParse(ruleInput(newRule()))
  expect(parsed.error?.issues.map(({ path }) => path.join('.'))).toEqual(['name'])
})

test('what was typed is what the schema reads', () => {
  expect(checked(FULL)).toMatchObject({
    threshold: 1500.5,
    recoveryThreshold: 1000,
    dimensionFilters: [{ dimension: 'model', op: 'in', values: ['a', 'b'] }],
    groupBy: ['group'],
    notifyChannels: [4],
    notifyConfig: { sendResolved: true, fallbackChannelId: 5 },
    labels: { team: 'edge' },
    runbookUrl: 'https://wiki.example/slow',
    slo: null,
  })
})

test.each([
  ['threshold', FULL],
  ['burn-rate', { ...newRule(), name: 'Budget', kind: 'slo' as const, sloTarget: '99.5', sloPeriod: '7' }],
])('a stored %s rule that is opened and saved stays as it was', (_kind, values) => {
  const stored = checked(values)
  expect(checked(valuesOfRule(stored))).toEqual(stored)
})

test('an empty recovery is the threshold', () => {
  expect(checked({ ...FULL, recoveryThreshold: ' ' }).recoveryThreshold).toBe(1500.5)
})

test.each([
  ['threshold', { threshold: '5 %' }],
  ['threshold', { metric: 'error_rate' as const, aggregation: 'ratio' as const, threshold: '101' }],
  ['recoveryThreshold', { recoveryThreshold: '2000' }],
  ['windowMinutes', { windowMinutes: '' }],
])('nonsense is refused at %s', (field, values) => {
  const parsed = ruleSchema.safeParse(ruleInput({ ...FULL, ...values }))
  expect(parsed.error?.issues.map(({ path }) => path[0])).toContain(field)
})

test('a metric that cannot be taken as the last one was is taken its own way', () => {
  expect(aggregationFor('latency_ms', 'p95')).toBe('p95')
  expect(aggregationFor('error_rate', 'p95')).toBe('ratio')
})
