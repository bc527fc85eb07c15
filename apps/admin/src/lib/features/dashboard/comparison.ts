import type { StatGrouping } from '@turnpike/core/inputs/ops'
import { m } from '#lib/paraglide/messages.js'
import { readOneOf } from '#lib/url/search-params.ts'

export const COMPARABLE = [
  'provider',
  'account',
  'model',
  'group',
  'endpoint',
] as const satisfies readonly StatGrouping[]
type Comparable = (typeof COMPARABLE)[number]

const TEXTS = {
  provider: m.compare_provider,
  account: m.compare_account,
  model: m.compare_model,
  group: m.compare_group,
  endpoint: m.compare_endpoint,
} satisfies Record<Comparable, () => string>

export function compareText(groupBy: StatGrouping): string {
  return groupBy === 'user' || groupBy === 'key' ? groupBy : TEXTS[groupBy]()
}

/** What an address says to compare by. */
export function readComparison(params: Pick<URLSearchParams, 'get'>): Comparable {
  return readOneOf(params, 'by', COMPARABLE) ?? 'account'
}

/** Requests that were turned away before an account, a model … was known have no name. */
export function statLabel({ label }: { label: string }): string {
  return label === '' ? m.compare_unknown() : label
}
