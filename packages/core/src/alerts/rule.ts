import { z } from 'zod'
import { id, ids, line, text } from '../inputs/primitives.ts'
import { ALERT_AGGREGATIONS, ALERT_OPERATORS, ALERT_SEVERITIES, NO_DATA_POLICIES } from '../ops/words.ts'
import { checkRule } from './check-rule.ts'
import { ALERT_DIMENSIONS, ALERT_METRICS, termsOf } from './metrics.ts'

export const FILTER_OPS = ['eq', 'in', 'not'] as const
/** A day: what a rule looks back at, holds, and waits, at most. */
export const MAX_RULE_MINUTES = 1_440
/** A month. */
const MAX_PAUSE_MINUTES = 43_200

const label = z.string().regex(/^[a-z_][a-z0-9_]{0,39}$/i, 'must be a name')

const dimensionFilter = z.strictObject({
  dimension: z.enum(ALERT_DIMENSIONS),
  op: z.enum(FILTER_OPS),
  /** Ids as text, or names; `not`: none of them. */
  values: z.array(line(200)).min(1).max(100),
})

/** A promise over a period, whose budget of errors is watched as it burns (alerts.md, "Rule"). Percent, days. */
const slo = z.strictObject({
  target: z.number().min(50).max(99.999),
  periodDays: z.int().min(1).max(90).default(30),
})

const held = z.int().min(0).max(MAX_RULE_MINUTES)

/** Everything a person says of a rule; what is left out has a default, but for a name and what is watched. */
export const ruleFields = {
  name: line(200),
  description: text(2000).optional(),
  enabled: z.boolean().optional(),
  severity: z.enum(ALERT_SEVERITIES).optional(),
  metric: z.enum(ALERT_METRICS),
  aggregation: z.enum(ALERT_AGGREGATIONS).optional(),
  dimensionFilters: z.array(dimensionFilter).max(7).optional(),
  groupBy: z.array(z.enum(ALERT_DIMENSIONS)).max(2).optional(),
  operator: z.enum(ALERT_OPERATORS),
  threshold: z.number(),
  recoveryThreshold: z.number().optional(),
  windowMinutes: z.int().min(1).max(MAX_RULE_MINUTES).optional(),
  forMinutes: held.optional(),
  keepFiringMinutes: held.optional(),
  minSamples: z.int().min(0).max(1_000_000).optional(),
  noData: z.enum(NO_DATA_POLICIES).optional(),
  /** 0 = never. */
  repeatMinutes: z
    .int()
    .min(0)
    .max(MAX_PAUSE_MINUTES)
    .refine((minutes) => minutes === 0 || minutes >= 5, 'must be 0 or at least 5')
    .optional(),
  cooldownMinutes: z.int().min(0).max(MAX_PAUSE_MINUTES).optional(),
  /** Ids; empty = the default channels. */
  notifyChannels: ids.optional(),
  notifyConfig: z
    .strictObject({ sendResolved: z.boolean().default(true), fallbackChannelId: id.nullable().default(null) })
    .optional(),
  labels: z
    .record(label, line(200))
    .refine((labels) => Object.keys(labels).length <= 20, 'too many labels')
    .optional(),
  runbookUrl: z
    .url({ protocol: /^https?$/ })
    .max(2000)
    .nullable()
    .optional(),
  slo: slo.nullable().optional(),
}

/** A burn-rate rule needs neither metric nor threshold: both follow from its target. */
const shape = z.strictObject({
  ...ruleFields,
  metric: ruleFields.metric.optional(),
  operator: ruleFields.operator.optional(),
  threshold: ruleFields.threshold.optional(),
})

/** The rule as form and server understand it, whole. */
export const ruleSchema = shape.transform(completed).superRefine(checkRule)

export type RuleInput = z.input<typeof ruleSchema>
export type Rule = z.output<typeof ruleSchema>
export type DimensionFilter = z.output<typeof dimensionFilter>

function completed(said: z.output<typeof shape>, context: z.core.$RefinementCtx) {
  const { metric, operator, threshold } = said.slo ? burnOf(said.slo.target) : said
  for (const [name, value] of Object.entries({ metric, operator, threshold })) {
    if (value === undefined) context.addIssue({ code: 'custom', path: [name], message: 'is required', input: value })
  }
  if (metric === undefined || operator === undefined || threshold === undefined) return z.NEVER
  return {
    description: '',
    enabled: true,
    severity: 'warning' as const,
    dimensionFilters: [],
    groupBy: [],
    windowMinutes: 5,
    forMinutes: 2,
    keepFiringMinutes: 2,
    minSamples: 20,
    noData: 'ok' as const,
    repeatMinutes: 240,
    cooldownMinutes: 0,
    notifyChannels: [],
    notifyConfig: { sendResolved: true, fallbackChannelId: null },
    labels: {},
    runbookUrl: null,
    ...given(said),
    name: said.name,
    slo: said.slo ?? null,
    metric,
    operator,
    threshold,
    aggregation: said.slo ? ('ratio' as const) : (said.aggregation ?? termsOf(metric).aggregations[0]),
    recoveryThreshold: said.slo ? threshold : (said.recoveryThreshold ?? threshold),
  }
}

/** The budget that is burnt at the rate of 1. */
function burnOf(target: number) {
  return { metric: 'error_rate', operator: '>', threshold: Math.round((100 - target) * 1e6) / 1e6 } as const
}

type Given<T> = { [Name in keyof T as undefined extends T[Name] ? never : Name]: T[Name] } & {
  [Name in keyof T as undefined extends T[Name] ? Name : never]?: Exclude<T[Name], undefined>
}

/** Safe because exactly the members that are undefined are left out. */
function given<T extends object>(said: T): Given<T> {
  return Object.fromEntries(Object.entries(said).filter(([, value]) => value !== undefined)) as Given<T>
}
