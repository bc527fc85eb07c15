import { RANGES, type Range } from '@turnpike/core/ops/words'
import { m } from '#lib/paraglide/messages.js'
import { readOneOf } from '#lib/url/search-params.ts'

export { RANGES }
export const DEFAULT_RANGE: Range = '1h'

const TEXTS = {
  '5m': m.dash_range_5m,
  '30m': m.dash_range_30m,
  '1h': m.range_1h,
  '6h': m.dash_range_6h,
  '24h': m.range_24h,
  '7d': m.range_7d,
  '30d': m.range_30d,
} satisfies Record<Range, () => string>

export function rangeText(range: Range): string {
  return TEXTS[range]()
}

/** The range an address holds; what makes no sense there counts as not given. */
export function readRange(params: Pick<URLSearchParams, 'get'>): Range {
  return readOneOf(params, 'range', RANGES) ?? DEFAULT_RANGE
}

/** The span of the same length that ends where this one begins, as the API takes it. */
export function spanBefore({ from, to }: { from: string; to: string }): { from: string; to: string } {
  const lengthMs = Date.parse(to) - Date.parse(from)
  return { from: new Date(Date.parse(from) - lengthMs).toISOString(), to: from }
}
