import type { UsageGrouping } from '@turnpike/core/words'
import { createQuery } from '#lib/api/query.svelte.ts'
import { getApp } from '#lib/app-context.ts'
import {
  type Grouping,
  isTooLong,
  type UsageFilters,
  type UsageWindow,
  usageWindow,
  windowBefore,
} from './usage-filters.ts'

/** Whose requests are counted: everybody's, or those of who looks. */
export type Scope = 'all' | 'own'

/** What a user may group his own requests by. */
export const OWN_GROUPINGS = ['total', 'key', 'group', 'model', 'endpoint'] as const satisfies readonly Grouping[]
type OwnGrouping = Exclude<(typeof OWN_GROUPINGS)[number], 'total'>

/** A span of the ledger and the one before: totals, groups, and lines over time. Null = a span that is too long to draw. */
export function createUsageReport(scope: Scope, filters: () => UsageFilters) {
  const { api } = getApp()

  async function load(signal: AbortSignal) {
    const asked = filters()
    const window = usageWindow(asked, Date.now())
    if (isTooLong(window)) return null
    const before = windowBefore(window)
    const ask = scope === 'all' ? askAll : askOwn
    const [now, then] = await Promise.all([ask(asked, window, signal), ask(asked, before, signal)])
    return { by: asked.by, window, ...now, before: then }
  }

  async function askAll({ by, ...filters }: UsageFilters, window: UsageWindow, signal: AbortSignal) {
    const { userId, keyId, groupId, accountId, model } = filters
    const groupBy: UsageGrouping | undefined = by === 'total' ? undefined : by
    const narrowed = { ...spanOf(window), userId, keyId, groupId, accountId, model, groupBy }
    const [summary, lines] = await Promise.all([
      api.usage.summary.query(narrowed, { signal }),
      api.usage.series.query({ ...narrowed, bucket: window.bucket ?? undefined }, { signal }),
    ])
    return { summary, lines }
  }

  async function askOwn({ by, ...filters }: UsageFilters, window: UsageWindow, signal: AbortSignal) {
    const { keyId, groupId, model } = filters
    const narrowed = { ...spanOf(window), keyId, groupId, model, groupBy: ownGrouping(by) }
    const [summary, lines] = await Promise.all([
      api.my.usage.summary.query(narrowed, { signal }),
      api.my.usage.series.query({ ...narrowed, bucket: window.bucket ?? undefined }, { signal }),
    ])
    return { summary, lines }
  }

  return createQuery(load)
}

export type UsageReport = NonNullable<ReturnType<typeof createUsageReport>['data']>

function ownGrouping(by: Grouping): OwnGrouping | undefined {
  return OWN_GROUPINGS.filter((each) => each !== 'total').find((each) => each === by)
}

function spanOf({ from, to }: UsageWindow) {
  return { from, to }
}
