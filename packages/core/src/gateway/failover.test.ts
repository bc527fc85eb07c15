import { describe, expect, test } from 'vitest'
import type { AccountEvent } from './account-state.ts'
import { createChatEventReader } from './chat-event-reader.ts'
import type { GatewayErrorCode } from './errors.ts'
import { type AttemptFailure, isQuotaCode, judgeFailure, upstreamErrorCode } from './failover.ts'
import type { Headers } from './retry-after.ts'

const NOW = Date.parse('2026-03-01T12:00:00Z')
const NOTHING_LEARNT: AccountEvent = { kind: 'inconclusive' }
const BROKEN: AccountEvent = { kind: 'broken' }

function status(code: number, body: unknown = {}, headers: Headers = { 'content-type': 'application/json' }) {
  const text = typeof body === 'string' ? body : JSON.stringify(body)
  return { kind: 'status', status: code, headers, body: text } satisfies AttemptFailure
}

function errorCode(code: string) {
  return { error: { message: 'x', type: 'some_type', param: null, code } }
}

function errorEvent(code: string | null, error: object = {}, headers: Headers = {}): AttemptFailure {
  const event = `data: ${JSON.stringify({ error: { ...error, code } })}\n\n`
  const reader = createChatEventReader({ wantsUsageChunk: false })
  return { kind: 'error_event', code, headers, event, preambles: [], reader }
}

type Row = [string, AttemptFailure, GatewayErrorCode, AccountEvent]

describe('another account may answer after', () => {
  test.each<Row>([
    ['no connection', { kind: 'unreachable' }, 'upstream_unreachable', BROKEN],
    ['a connection lost before headers', { kind: 'lost' }, 'upstream_unreachable', BROKEN],
    ['no first byte in time', { kind: 'first_byte_timeout' }, 'upstream_timeout', BROKEN],
    ['401', status(401), 'upstream_auth', { kind: 'unauthorized' }],
    ['402', status(402), 'upstream_auth', { kind: 'payment_required' }],
    ['403 in JSON', status(403), 'upstream_forbidden', { kind: 'forbidden', isHtml: false }],
    [
      '403 of a CDN, by its type',
      status(403, '', { 'content-type': 'text/html; charset=UTF-8' }),
      'upstream_forbidden',
      { kind: 'forbidden', isHtml: true },
    ],
    [
      '403 of a CDN, by its looks',
      status(403, ' <html>', {}),
      'upstream_forbidden',
      { kind: 'forbidden', isHtml: true },
    ],
    ['408', status(408), 'upstream_failed', BROKEN],
    ['429', status(429), 'upstream_rate_limit', { kind: 'rate_limited', retryAfterMs: null }],
    [
      '429 with insufficient_quota',
      status(429, errorCode('insufficient_quota')),
      'no_available_accounts',
      { kind: 'payment_required' },
    ],
    [
      '429 with billing_hard_limit_reached',
      status(429, errorCode('billing_hard_limit_reached')),
      'no_available_accounts',
      { kind: 'payment_required' },
    ],
    ['429 with slow_down', status(429, errorCode('slow_down')), 'upstream_overloaded', { kind: 'overloaded' }],
    ['500', status(500), 'upstream_unavailable', BROKEN],
    ['501', status(501), 'upstream_failed', BROKEN],
    ['502', status(502), 'upstream_unavailable', BROKEN],
    ['503', status(503, 'Service Unavailable'), 'upstream_unavailable', BROKEN],
    [
      '503 with server_is_overloaded',
      status(503, errorCode('server_is_overloaded')),
      'upstream_overloaded',
      { kind: 'overloaded' },
    ],
    ['504', status(504), 'upstream_unavailable', BROKEN],
    ['520', status(520), 'upstream_failed', BROKEN],
    ['529', status(529, 'busy'), 'upstream_overloaded', { kind: 'overloaded' }],
    ['capacity as first content', errorEvent('server_is_overloaded'), 'upstream_overloaded', { kind: 'overloaded' }],
    ['slow_down as first content', errorEvent('slow_down'), 'upstream_overloaded', { kind: 'overloaded' }],
    ['a status 529 as first content', errorEvent('529'), 'upstream_overloaded', { kind: 'overloaded' }],
    [
      'a rate limit as first content',
      errorEvent('rate_limit_exceeded', { resets_in_seconds: 4 }),
      'upstream_rate_limit',
      { kind: 'rate_limited', retryAfterMs: 4_000 },
    ],
    [
      'a status 429 as first content',
      errorEvent('429', {}, { 'retry-after': '2' }),
      'upstream_rate_limit',
      { kind: 'rate_limited', retryAfterMs: 2_000 },
    ],
    [
      'a used-up quota as first content',
      errorEvent('insufficient_quota'),
      'no_available_accounts',
      { kind: 'payment_required' },
    ],
  ])('%s', (_, failure, code, event) => {
    expect(judgeFailure(failure, NOW)).toMatchObject({ code, event, failover: true, passThrough: false })
  })
})

describe('nobody else is asked, and the error is ours, after', () => {
  test.each<Row>([
    [
      'a body that is no answer',
      { kind: 'unusable', code: 'upstream_invalid_response' },
      'upstream_invalid_response',
      NOTHING_LEARNT,
    ],
    ['a body past all bounds', { kind: 'unusable', code: 'upstream_too_large' }, 'upstream_too_large', NOTHING_LEARNT],
    ['silence in the middle of an answer', { kind: 'stalled' }, 'upstream_stalled', BROKEN],
    ['a redirect', status(302), 'upstream_redirect', NOTHING_LEARNT],
    ['407', status(407), 'upstream_failed', NOTHING_LEARNT],
  ])('%s', (_, failure, code, event) => {
    expect(judgeFailure(failure, NOW)).toMatchObject({ code, event, failover: false, passThrough: false })
  })
})

describe('the caller hears of his own mistake in the upstream’s words', () => {
  test.each([400, 404, 405, 409, 410, 413, 415, 418, 422, 426, 431, 451])('status %i', (code) => {
    expect(judgeFailure(status(code, errorCode('whatever')), NOW)).toMatchObject({
      passThrough: true,
      failover: false,
      event: NOTHING_LEARNT,
    })
  })

  test('400 with a code that would be a capacity failure elsewhere', () => {
    expect(judgeFailure(status(400, errorCode('slow_down')), NOW)).toMatchObject({ passThrough: true, failover: false })
  })

  test('a model that one account lacks may be had from another', () => {
    expect(judgeFailure(status(404, errorCode('model_not_found')), NOW)).toMatchObject({
      passThrough: true,
      failover: true,
      event: NOTHING_LEARNT,
    })
  })

  test.each(['context_length_exceeded', 'invalid_prompt', 'server_error', null])('%s as first content', (code) => {
    expect(judgeFailure(errorEvent(code), NOW)).toMatchObject({ passThrough: true, failover: false })
  })
})

describe('how long to wait', () => {
  test('comes from the answer to a 429, for the caller and the account', () => {
    const failure = status(429, {}, { 'retry-after': '20' })
    expect(judgeFailure(failure, NOW)).toMatchObject({
      retryAfterMs: 20_000,
      event: { kind: 'rate_limited', retryAfterMs: 20_000 },
    })
  })

  test('is not taken from other failures', () => {
    expect(judgeFailure(status(503, {}, { 'retry-after': '20' }), NOW).retryAfterMs).toBeNull()
  })
})

describe('the code of an upstream error', () => {
  test.each([
    ['{"error":{"code":"a","type":"b"}}', 'a'],
    ['{"error":{"code":null,"type":"b"}}', 'b'],
    ['{"error":{"code":429,"type":"b"}}', '429'],
    ['{"code":"a","message":"flat"}', 'a'],
    ['{"error":"text"}', null],
    ['{"error":{}}', null],
    ['[1]', null],
    ['<html>', null],
    ['', null],
  ])('%s: %s', (body, code) => {
    expect(upstreamErrorCode(body)).toBe(code)
  })

  test('tells a used-up quota', () => {
    expect(['insufficient_quota', 'billing_hard_limit_reached', 'rate_limit_exceeded', null].map(isQuotaCode)).toEqual([
      true,
      true,
      false,
      false,
    ])
  })
})
