import { describe, expect, test } from 'vitest'
import { ALERT_METRICS, METRICS, type MetricTerms, termsOf } from './metrics.ts'
import { type RuleInput, ruleSchema } from './rule.ts'
import { partsOf } from './slo.ts'

const RULE = { name: 'Errors', metric: 'error_rate', operator: '>', threshold: 5 } as const satisfies RuleInput

function faultOf(rule: object): string | null {
  const parsed = ruleSchema.safeParse(rule)
  const [issue] = parsed.error?.issues ?? []
  if (issue === undefined) return null
  return issue.code === 'unrecognized_keys' ? `unknown ${issue.keys[0]}` : issue.path.join('.')
}

test('what is left out has the defaults that are promised', () => {
  expect(ruleSchema.parse(RULE)).toEqual({
    ...RULE,
    description: '',
    enabled: true,
    severity: 'warning',
    aggregation: 'ratio',
    dimensionFilters: [],
    groupBy: [],
    recoveryThreshold: 5,
    windowMinutes: 5,
    forMinutes: 2,
    keepFiringMinutes: 2,
    minSamples: 20,
    noData: 'ok',
    repeatMinutes: 240,
    cooldownMinutes: 0,
    notifyChannels: [],
    notifyConfig: { sendResolved: true, fallbackChannelId: null },
    labels: {},
    runbookUrl: null,
    slo: null,
  })
  expect(ruleSchema.parse({ ...RULE, notifyConfig: { sendResolved: false } }).notifyConfig).toEqual({
    sendResolved: false,
    fallbackChannelId: null,
  })
})

describe('every metric', () => {
  test.each(ALERT_METRICS)(
    '%s takes both ends of its range and each of its aggregations, and nothing beyond',
    (metric) => {
      const { min, max, aggregations }: MetricTerms = METRICS[metric]
      const rule = { name: 'x', metric, operator: '>=' }
      for (const threshold of [min, max]) expect(faultOf({ ...rule, threshold })).toBeNull()
      for (const threshold of [min - 0.001, max * 1.01]) expect(faultOf({ ...rule, threshold })).toBe('threshold')
      for (const aggregation of aggregations) expect(faultOf({ ...rule, threshold: max, aggregation })).toBeNull()
      const foreign = aggregations.some((name) => name === 'ratio') ? 'sum' : 'ratio'
      expect(faultOf({ ...rule, threshold: max, aggregation: foreign })).toBe('aggregation')
      expect(termsOf(metric).aggregations[0]).toBe(ruleSchema.parse({ ...rule, threshold: max }).aggregation)
    },
  )
})

describe('what could not work is refused, and its field is named', () => {
  test.each<[object, string]>([
    [{ metric: 'happiness' }, 'metric'],
    [{ metric: undefined }, 'metric'],
    [{ operator: undefined }, 'operator'],
    [{ threshold: undefined }, 'threshold'],
    [{ threshold: Number.NaN }, 'threshold'],
    [{ threshold: Number.POSITIVE_INFINITY }, 'threshold'],
    [{ threshold: '5' }, 'threshold'],
    [{ threshold: 101 }, 'threshold'],
    [{ threshold: -1 }, 'threshold'],
    [{ recoveryThreshold: 6 }, 'recoveryThreshold'],
    [{ recoveryThreshold: -1 }, 'recoveryThreshold'],
    [{ operator: '<', recoveryThreshold: 4 }, 'recoveryThreshold'],
    [{ operator: '=' }, 'operator'],
    [{ operator: '==' }, 'operator'],
    [{ metric: 'ttft_ms', operator: '==' }, 'operator'],
    [{ metric: 'request_count', operator: '==', aggregation: 'rate' }, 'operator'],
    [{ metric: 'cost', operator: '==' }, 'operator'],
    [{ metric: 'request_count', operator: '==', recoveryThreshold: 4 }, 'recoveryThreshold'],
    [{ aggregation: 'p99' }, 'aggregation'],
    [{ windowMinutes: 0 }, 'windowMinutes'],
    [{ windowMinutes: 1441 }, 'windowMinutes'],
    [{ windowMinutes: 1.5 }, 'windowMinutes'],
    [{ forMinutes: -1 }, 'forMinutes'],
    [{ forMinutes: 1441 }, 'forMinutes'],
    [{ keepFiringMinutes: 1441 }, 'keepFiringMinutes'],
    [{ repeatMinutes: 4 }, 'repeatMinutes'],
    [{ minSamples: -1 }, 'minSamples'],
    [{ noData: 'maybe' }, 'noData'],
    [{ severity: 'P1' }, 'severity'],
    [{ name: '' }, 'name'],
    [{ name: 'a\nb' }, 'name'],
    [{ groupBy: ['group', 'model', 'account'] }, 'groupBy'],
    [{ groupBy: ['group', 'group'] }, 'groupBy'],
    [{ groupBy: ['user', 'model'] }, 'groupBy'],
    [{ groupBy: ['user', 'key'] }, 'groupBy'],
    [{ groupBy: ['planet'] }, 'groupBy.0'],
    [{ metric: 'ttft_ms', groupBy: ['user'] }, 'groupBy'],
    [{ metric: 'cpu_usage_percent', groupBy: ['group'] }, 'groupBy'],
    [{ metric: 'accounts_available', groupBy: ['model'] }, 'groupBy'],
    [{ dimensionFilters: [{ dimension: 'user', op: 'eq', values: ['1'] }], groupBy: ['model'] }, 'groupBy'],
    [{ dimensionFilters: [{ dimension: 'model', op: 'eq', values: [] }] }, 'dimensionFilters.0.values'],
    [{ dimensionFilters: [{ dimension: 'model', op: 'like', values: ['x'] }] }, 'dimensionFilters.0.op'],
    [
      { metric: 'redis_up', threshold: 1, dimensionFilters: [{ dimension: 'model', op: 'eq', values: ['x'] }] },
      'dimensionFilters',
    ],
    [{ labels: { 'no spaces': 'x' } }, 'labels.no spaces'],
    [{ runbookUrl: 'javascript:alert(1)' }, 'runbookUrl'],
    [{ notifyConfig: { sendResolved: true, colour: 'red' } }, 'unknown colour'],
    [{ treshold: 5 }, 'unknown treshold'],
    [{ slo: { target: 100 } }, 'slo.target'],
    [{ slo: { target: 99.9, periodDays: 0 } }, 'slo.periodDays'],
  ])('%o → %s', (changes, field) => expect(faultOf({ ...RULE, ...changes })).toBe(field))
})

describe('what works is taken', () => {
  test.each<object>([
    { recoveryThreshold: 5 },
    { recoveryThreshold: 0 },
    { operator: '<', recoveryThreshold: 100 },
    { metric: 'request_count', operator: '==', threshold: 0 },
    { groupBy: ['group', 'model'] },
    { groupBy: ['user'] },
    { groupBy: ['group'], dimensionFilters: [{ dimension: 'group', op: 'not', values: ['1'] }] },
    { groupBy: ['key'], dimensionFilters: [{ dimension: 'key', op: 'in', values: ['1', '2'] }] },
    { repeatMinutes: 0 },
    { repeatMinutes: 5 },
    { windowMinutes: 1440, forMinutes: 1440 },
    { runbookUrl: 'https://wiki.example.com/x' },
    { labels: { team: 'core' } },
  ])('%o', (changes) => expect(faultOf({ ...RULE, ...changes })).toBeNull())
})

test('a burn-rate rule needs a target and nothing else, and is judged at three speeds', () => {
  const rule = ruleSchema.parse({ name: 'Budget', slo: { target: 99.9 } })
  expect(rule).toMatchObject({
    metric: 'error_rate',
    operator: '>',
    threshold: 0.1,
    slo: { target: 99.9, periodDays: 30 },
  })
  expect(partsOf(rule)).toEqual([
    { labels: { burn: '14.4x' }, severity: 'critical', threshold: 1.44, recoveryThreshold: 1.44, windows: [60, 5] },
    {
      labels: { burn: '6x' },
      severity: 'critical',
      threshold: 0.6,
      recoveryThreshold: 0.6,
      windows: [360, 30],
    },
    { labels: { burn: '1x' }, severity: 'warning', threshold: 0.1, recoveryThreshold: 0.1, windows: [4320, 360] },
  ])
  expect(partsOf(ruleSchema.parse({ name: 'Budget', slo: { target: 50 } }))[0]?.threshold).toBe(100)
  expect(partsOf(ruleSchema.parse(RULE))).toEqual([
    { labels: {}, severity: 'warning', threshold: 5, recoveryThreshold: 5, windows: [5] },
  ])
})
