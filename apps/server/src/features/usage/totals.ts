import { formatDollars } from '@turnpike/core/money'
import type { UsageGrouping } from '@turnpike/core/words'
import type { TotalsRow } from './ledger-window.ts'

/** What a number of requests comes to. */
export interface UsageTotals {
  requests: number
  errors: number
  inputTokens: number
  cachedInputTokens: number
  outputTokens: number
  /** Null = there were requests, and none had a price. */
  cost: string | null
  costNano: string | null
  billed: string
  billedNano: string
}

/** Totals as the API shows them; of no row, those of no requests. */
export function toTotals(row: TotalsRow | undefined): UsageTotals {
  const requests = Number(row?.requests ?? 0)
  const costNano = row?.costNano ?? (requests === 0 ? '0' : null)
  const billedNano = row?.billedNano ?? '0'
  return {
    requests,
    errors: Number(row?.errors ?? 0),
    inputTokens: Number(row?.inputTokens ?? 0),
    cachedInputTokens: Number(row?.cachedInputTokens ?? 0),
    outputTokens: Number(row?.outputTokens ?? 0),
    cost: costNano === null ? null : formatDollars(BigInt(costNano)),
    costNano,
    billed: formatDollars(BigInt(billedNano)),
    billedNano,
  }
}

/** What a group is known by: models and endpoints by name, everything else by number. */
export function groupId(id: string | null, groupBy: UsageGrouping | null): number | string | null {
  return id === null || groupBy === 'model' || groupBy === 'endpoint' ? id : Number(id)
}
