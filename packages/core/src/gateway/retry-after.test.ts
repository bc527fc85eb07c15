import { describe, expect, test } from 'vitest'
import { durationMs, type Headers, retryAfterMs } from './retry-after.ts'

const NOW = Date.parse('2026-03-01T12:00:00Z')
const HOUR_MS = 3_600_000
const WEEK_MS = 7 * 24 * HOUR_MS

function hint(headers: Headers, body: unknown = ''): number | null {
  return retryAfterMs(headers, typeof body === 'string' ? body : JSON.stringify(body), NOW)
}

describe('retryAfterMs reads headers', () => {
  test.each<[string, Headers, number | null]>([
    ['retry-after-ms', { 'retry-after-ms': '1500' }, 1_500],
    ['retry-after-ms before retry-after', { 'retry-after-ms': '1500', 'retry-after': '9' }, 1_500],
    ['seconds', { 'retry-after': '20' }, 20_000],
    ['parts of a second', { 'retry-after': '0.5' }, 500],
    ['a date', { 'retry-after': 'Sun, 01 Mar 2026 12:00:30 GMT' }, 30_000],
    ['the first of several', { 'retry-after': ['3', '9'] }, 3_000],
    ['no more than 7 days', { 'retry-after': '99999999' }, WEEK_MS],
    ['a useless retry-after-ms as none', { 'retry-after-ms': 'soon', 'retry-after': '2' }, 2_000],
    ['a date in the past as none', { 'retry-after': 'Sun, 01 Mar 2026 11:59:00 GMT' }, null],
    ['zero as none', { 'retry-after': '0', 'retry-after-ms': '0' }, null],
    ['a negative number as none', { 'retry-after': '-5' }, null],
    ['words as none', { 'retry-after': 'later' }, null],
    ['infinity as none', { 'retry-after': 'Infinity' }, null],
    ['the reset of what ran out', reset('requests', '0', '1.5s'), 1_500],
    ['no reset of what did not run out', reset('requests', '5', '1.5s'), null],
    ['a reset whose remainder is not told', { 'x-ratelimit-reset-tokens': '6m0s' }, 360_000],
    ['the later of two that ran out', { ...reset('requests', '0', '12ms'), ...reset('tokens', '0', '2s') }, 2_000],
    ['only the one that ran out', { ...reset('requests', '0', '12ms'), ...reset('tokens', '9', '2s') }, 12],
    ['a reset in plain seconds', { 'x-ratelimit-reset': '7' }, 7_000],
    ['a reset as seconds since the epoch', { 'x-ratelimit-reset': String(NOW / 1000 + 40) }, 40_000],
    ['a reset as milliseconds since the epoch', { 'x-ratelimit-reset': String(NOW + 40_000) }, 40_000],
    ['a reset that has passed as none', { 'x-ratelimit-reset': String(NOW - 1) }, null],
    ['retry-after before resets', { 'retry-after': '1', ...reset('tokens', '0', '9s') }, 1_000],
    ['nothing', {}, null],
  ])('%s', (_, headers, ms) => {
    expect(hint(headers)).toBe(ms)
  })
})

describe('retryAfterMs reads bodies', () => {
  test.each<[string, unknown, number | null]>([
    ['resets_in_seconds', { error: { resets_in_seconds: 30 } }, 30_000],
    ['resets_in_seconds beside the error', { resets_in_seconds: 30 }, 30_000],
    ['resets_in_seconds up to an hour', { error: { resets_in_seconds: 3_600 } }, HOUR_MS],
    ['no more than an hour of resets_in_seconds', { error: { resets_in_seconds: 3_601 } }, HOUR_MS],
    ['resets_at in seconds', { error: { resets_at: NOW / 1000 + 90 } }, 90_000],
    ['resets_at in milliseconds', { error: { resets_at: NOW + 90_000 } }, 90_000],
    ['resets_at up to 7 days', { error: { resets_at: NOW + WEEK_MS } }, WEEK_MS],
    ['no more than 7 days of resets_at', { error: { resets_at: NOW + WEEK_MS + 1 } }, WEEK_MS],
    ['a resets_at that has passed as at once', { error: { resets_at: NOW - 5_000 } }, 1],
    ['resets_in_seconds before resets_at', { error: { resets_in_seconds: 2, resets_at: NOW + 9_000 } }, 2_000],
    ['zero as none', { error: { resets_in_seconds: 0 } }, null],
    ['a negative number as none', { error: { resets_in_seconds: -4 } }, null],
    ['words as none', { error: { resets_in_seconds: 'soon' } }, null],
    ['what is no JSON as none', 'slow down', null],
  ])('%s', (_, body, ms) => {
    expect(hint({}, body)).toBe(ms)
  })

  test('only where the headers say nothing', () => {
    expect(hint({ 'retry-after': '5' }, { error: { resets_in_seconds: 30 } })).toBe(5_000)
  })
})

describe('durationMs', () => {
  test.each([
    ['12ms', 12],
    ['1.5s', 1_500],
    ['6m0s', 360_000],
    ['1h2m3s', 3_723_000],
    ['1d', 86_400_000],
    ['7', 7_000],
    ['0.25', 250],
    ['0s', 0],
  ])('%s', (text, ms) => {
    expect(durationMs(text)).toBe(ms)
  })

  test.each(['', 's', '1x', '1s ', '-1s', '1s and more', '1 s'])('"%s" is none', (text) => {
    expect(durationMs(text)).toBeNull()
  })
})

function reset(kind: string, remaining: string, after: string): Headers {
  return { [`x-ratelimit-remaining-${kind}`]: remaining, [`x-ratelimit-reset-${kind}`]: after }
}
