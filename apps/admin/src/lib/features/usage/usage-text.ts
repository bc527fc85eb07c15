import { format } from '#lib/i18n/format.ts'
import { m } from '#lib/paraglide/messages.js'
import type { Grouping, Measure, Range } from './usage-filters.ts'

const RANGE_TEXTS = {
  '24h': m.range_24h,
  '7d': m.range_7d,
  '30d': m.range_30d,
  custom: m.range_custom,
} satisfies Record<Range, () => string>

export function rangeText(range: Range): string {
  return RANGE_TEXTS[range]()
}

const GROUPING_TEXTS = {
  total: m.usage_by_total,
  user: m.user,
  key: m.key,
  group: m.group,
  account: m.account,
  model: m.model,
  endpoint: m.endpoint,
} satisfies Record<Grouping, () => string>

export function groupingText(grouping: Grouping): string {
  return GROUPING_TEXTS[grouping]()
}

const MEASURE_LOOKS = {
  billed: { text: m.billed, write: dollarsOf, isWhole: false },
  cost: { text: m.cost, write: dollarsOf, isWhole: false },
  tokens: { text: m.stat_tokens, write: format.compact, isWhole: true },
  requests: { text: m.stat_requests, write: format.compact, isWhole: true },
} satisfies Record<Measure, { text: () => string; write: (value: number) => string; isWhole: boolean }>

export function measureLook(measure: Measure): (typeof MEASURE_LOOKS)[Measure] {
  return MEASURE_LOOKS[measure]
}

/** Sums of a chart need no nine decimals, but no exponents either. */
function dollarsOf(value: number): string {
  return format.shortDollars(value.toFixed(9))
}
