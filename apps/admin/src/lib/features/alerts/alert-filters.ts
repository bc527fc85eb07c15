import type { RouterInputs } from '@turnpike/client'
import {
  ALERT_EVENT_STATUSES,
  ALERT_SEVERITIES,
  DELIVERY_KINDS,
  DELIVERY_STATUSES,
  type Range,
} from '@turnpike/core/ops/words'
import { ledgerSpan, readTimeRange } from '#lib/time-range/time-range.ts'
import { readId, readOneOf } from '#lib/url/search-params.ts'

type Params = Pick<URLSearchParams, 'get'>

const DEFAULT_RANGE: Range = '7d'

/** What the history shows, as its address holds it. */
export type AlertFilters = ReturnType<typeof readAlertFilters>

/** Reads an address; what makes no sense there counts as not given. */
export function readAlertFilters(params: Params) {
  return {
    time: readTimeRange(params, DEFAULT_RANGE),
    severity: readOneOf(params, 'severity', ALERT_SEVERITIES),
    status: readOneOf(params, 'status', ALERT_EVENT_STATUSES),
    ruleId: readId(params, 'rule'),
  }
}

export function toEventsInput(
  { time, ...filters }: AlertFilters,
  nowMs: number,
): NonNullable<RouterInputs['alerts']['events']['list']> {
  return { ...given(filters), ...ledgerSpan(time, nowMs) }
}

/** What the deliveries show. */
export type DeliveryFilters = ReturnType<typeof readDeliveryFilters>

export function readDeliveryFilters(params: Params) {
  return {
    time: readTimeRange(params, DEFAULT_RANGE),
    channelId: readId(params, 'channel'),
    status: readOneOf(params, 'status', DELIVERY_STATUSES),
    kind: readOneOf(params, 'kind', DELIVERY_KINDS),
  }
}

export function toDeliveriesInput(
  { time, ...filters }: DeliveryFilters,
  nowMs: number,
): NonNullable<RouterInputs['alerts']['deliveries']['list']> {
  return { ...given(filters), ...ledgerSpan(time, nowMs) }
}

/** True where anything but the range narrows the list. */
export function isNarrowed({ time: _time, ...filters }: AlertFilters | DeliveryFilters): boolean {
  return Object.values(filters).some((value) => value !== undefined)
}

function given<T extends object>(filters: T): Partial<T> {
  const entries = Object.entries(filters).filter(([, value]) => value !== undefined)
  // The entries are the object's own.
  return Object.fromEntries(entries) as Partial<T>
}
