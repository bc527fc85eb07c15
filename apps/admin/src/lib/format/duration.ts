import { numberFormat } from './number.ts'

const SECOND_MS = 1000
const MINUTE_MS = 60 * SECOND_MS

/** A duration in the unit a person would say it in: 0.42 ms, 12 ms, 1.25 s, 3 min 20 s. */
export function formatMs(locale: string, ms: number): string {
  if (ms < 10) return unit(locale, ms, 'millisecond', 2)
  if (ms < SECOND_MS) return unit(locale, ms, 'millisecond', 0)
  if (ms < MINUTE_MS) return unit(locale, ms / SECOND_MS, 'second', ms < 10 * SECOND_MS ? 2 : 1)
  return formatSpan(locale, ms)
}

/** A longer span in its two biggest units: 45 s, 3 min 20 s, 2 hr 5 min, 3 days 4 hr. */
export function formatSpan(locale: string, ms: number): string {
  const seconds = Math.max(0, Math.round(ms / SECOND_MS))
  const parts = [
    ['day', Math.floor(seconds / 86_400)],
    ['hour', Math.floor(seconds / 3600) % 24],
    ['minute', Math.floor(seconds / 60) % 60],
    ['second', seconds % 60],
  ] as const
  const first = parts.findIndex(([, amount]) => amount > 0)
  if (first === -1) return unit(locale, 0, 'second', 0)
  return parts
    .slice(first, first + 2)
    .filter(([, amount]) => amount > 0)
    .map(([name, amount]) => unit(locale, amount, name, 0))
    .join(' ')
}

function unit(locale: string, value: number, name: string, maximumFractionDigits: number): string {
  return numberFormat(locale, { style: 'unit', unit: name, unitDisplay: 'short', maximumFractionDigits }).format(value)
}
