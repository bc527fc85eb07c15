import { m } from '#lib/paraglide/messages.js'
import type { RangeName } from '#lib/time-range/time-range.ts'

const TEXTS = {
  '5m': m.range_5m,
  '30m': m.range_30m,
  '1h': m.range_1h,
  '6h': m.range_6h,
  '24h': m.range_24h,
  '7d': m.range_7d,
  '30d': m.range_30d,
  custom: m.range_custom,
} satisfies Record<RangeName, () => string>

export function rangeText(range: RangeName): string {
  return TEXTS[range]()
}
