import { asObject, parseJson } from './json.ts'

/** Response headers, names in lower case. */
export type Headers = Record<string, string | string[] | undefined>

const MAX_RESETS_IN_SECONDS = 3_600
const MAX_RESETS_AT_MS = 7 * 24 * 3_600_000
const EPOCH_FROM_SECONDS = 1e9
const RESET_HEADERS = ['x-ratelimit-reset-requests', 'x-ratelimit-reset-tokens', 'x-ratelimit-reset']

/**
 * How long an upstream asks to be left alone, in ms from `nowMs`; null = no hint. Sources in order: retry-after-ms,
 * retry-after (seconds or date), x-ratelimit-reset-* (durations such as `1.5s`, `6m0s`, `12ms`) of what is exhausted,
 * body `resets_in_seconds` (at most 1 h) and `resets_at` (at most 7 d).
 */
export function retryAfterMs(headers: Headers, body: string, nowMs: number): number | null {
  return fromHeaders(headers, nowMs) ?? fromBody(body, nowMs)
}

function fromHeaders(headers: Headers, nowMs: number): number | null {
  const inMs = positive(Number(one(headers, 'retry-after-ms') ?? Number.NaN))
  if (inMs !== null) return capped(inMs)
  const after = one(headers, 'retry-after')
  if (after !== null) {
    const seconds = positive(Number(after))
    if (seconds !== null) return capped(seconds * 1000)
    const at = positive(Date.parse(after) - nowMs)
    if (at !== null) return capped(at)
  }
  const resets = RESET_HEADERS.filter((name) => isExhausted(headers, name))
    .map((name) => resetMs(one(headers, name) ?? '', nowMs))
    .filter((ms) => ms !== null)
  return resets.length > 0 ? capped(Math.max(...resets)) : null
}

/** A reset only matters for the limit that ran out; where the upstream does not say which, all of them count. */
function isExhausted(headers: Headers, resetName: string): boolean {
  const remaining = one(headers, resetName.replace('reset', 'remaining'))
  return remaining === null || Number(remaining) <= 0
}

/** A duration, or the moment itself: no limit is reset in thirty years, so a number that large counts from the epoch. */
function resetMs(text: string, nowMs: number): number | null {
  const ms = durationMs(text)
  if (ms === null) return null
  return positive(ms < EPOCH_FROM_SECONDS * 1000 ? ms : epochMs(ms / 1000) - nowMs)
}

/** `12ms`, `1.5s`, `6m0s`, `1h2m3s`, or plain seconds. */
export function durationMs(text: string): number | null {
  if (/^\d+(\.\d+)?$/.test(text)) return Number(text) * 1000
  const units: Record<string, number> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 }
  if (!/^(\d+(\.\d+)?(ms|s|m|h|d))+$/.test(text)) return null
  let total = 0
  for (const [, amount, unit] of text.matchAll(/(\d+(?:\.\d+)?)(ms|s|m|h|d)/g)) {
    total += Number(amount) * (units[unit ?? ''] ?? 0)
  }
  return total
}

function fromBody(body: string, nowMs: number): number | null {
  const json = asObject(parseJson(body))
  const error = asObject(json.error)
  const inSeconds = Number(error.resets_in_seconds ?? json.resets_in_seconds ?? Number.NaN)
  if (inSeconds > 0) return Math.min(inSeconds, MAX_RESETS_IN_SECONDS) * 1000
  const at = Number(error.resets_at ?? json.resets_at ?? Number.NaN)
  if (at > 0) return Math.max(1, Math.min(epochMs(at) - nowMs, MAX_RESETS_AT_MS))
  return null
}

function epochMs(at: number): number {
  return at < 1e12 ? at * 1000 : at
}

function one(headers: Headers, name: string): string | null {
  const value = headers[name]
  return (Array.isArray(value) ? value[0] : value) ?? null
}

function positive(value: number): number | null {
  return Number.isFinite(value) && value > 0 ? value : null
}

function capped(ms: number): number {
  return Math.min(ms, MAX_RESETS_AT_MS)
}
