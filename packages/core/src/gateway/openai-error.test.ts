import { describe, expect, test } from 'vitest'
import { asGatewayError, GatewayError, type GatewayErrorCode } from './errors.ts'
import {
  chatErrorEvent,
  errorMembers,
  openAiError,
  passedRetryHeaders,
  responsesErrorEvent,
  wholeAnswerEvent,
} from './openai-error.ts'

const INVALID = 'invalid_request_error'
const RATE = 'rate_limit_error'
const BILLING = 'billing_error'
const UPSTREAM = 'upstream_error'

/** gateway.md, "Error shape", written out: code, status, type, message. */
const TABLE: [GatewayErrorCode, number, string, string][] = [
  ['unknown_route', 404, INVALID, 'Unknown request URL'],
  ['method_not_allowed', 405, INVALID, 'Method not allowed'],
  ['invalid_api_key', 401, 'authentication_error', 'Invalid API key'],
  ['api_key_in_query', 400, INVALID, 'Send the API key in the Authorization header'],
  ['too_many_invalid_keys', 429, RATE, 'Too many requests with invalid API keys'],
  ['ip_not_allowed', 403, 'permission_error', 'This API key cannot be used from this address'],
  ['group_unavailable', 403, 'permission_error', "This API key's group is not available"],
  ['unsupported_encoding', 415, INVALID, 'Unsupported content encoding'],
  ['body_unreadable', 400, INVALID, 'Failed to read request body'],
  ['body_empty', 400, INVALID, 'Request body is empty'],
  ['body_invalid', 400, INVALID, 'Failed to parse request body'],
  ['duplicate_key', 400, INVALID, 'Duplicate key in request body'],
  ['json_too_deep', 400, INVALID, 'Request body is nested too deeply'],
  ['model_required', 400, INVALID, 'model is required'],
  ['model_not_found', 404, INVALID, 'The model does not exist or you do not have access to it'],
  ['unsupported_parameter', 400, INVALID, 'Unsupported parameter'],
  ['requests_per_minute', 429, RATE, 'Rate limit reached, please retry later'],
  ['tokens_per_minute', 429, RATE, 'Rate limit reached, please retry later'],
  ['queue_full', 429, RATE, 'Too many pending requests, please retry later'],
  ['user_concurrency_limit', 429, RATE, 'Concurrency limit exceeded for user, please retry later'],
  ['key_concurrency_limit', 429, RATE, 'Concurrency limit exceeded for key, please retry later'],
  ['account_concurrency_limit', 429, RATE, 'Concurrency limit exceeded for account, please retry later'],
  ['insufficient_balance', 403, BILLING, 'Insufficient balance'],
  ['daily_limit', 403, BILLING, 'Daily limit reached'],
  ['weekly_limit', 403, BILLING, 'Weekly limit reached'],
  ['monthly_limit', 403, BILLING, 'Monthly limit reached'],
  ['subscription_expired', 403, BILLING, 'Subscription expired'],
  ['key_spending_limit', 403, BILLING, 'Spending limit of this API key reached'],
  ['model_not_priced', 403, BILLING, 'This model has no price'],
  ['no_available_accounts', 503, 'api_error', 'No available accounts'],
  ['upstream_auth', 502, UPSTREAM, 'Upstream authentication failed, please contact administrator'],
  ['upstream_forbidden', 502, UPSTREAM, 'Upstream access forbidden, please contact administrator'],
  ['upstream_rate_limit', 429, RATE, 'Upstream rate limit exceeded, please retry later'],
  ['upstream_overloaded', 503, UPSTREAM, 'Upstream service overloaded, please retry later'],
  ['upstream_unavailable', 502, UPSTREAM, 'Upstream service temporarily unavailable'],
  ['upstream_unreachable', 502, UPSTREAM, 'Upstream service temporarily unavailable'],
  ['upstream_failed', 502, UPSTREAM, 'Upstream request failed'],
  ['upstream_invalid_response', 502, UPSTREAM, 'Upstream request failed'],
  ['upstream_too_large', 502, UPSTREAM, 'Upstream request failed'],
  ['upstream_redirect', 502, UPSTREAM, 'Upstream request failed'],
  ['upstream_timeout', 504, UPSTREAM, 'Upstream timed out'],
  ['upstream_stalled', 504, UPSTREAM, 'Upstream stopped responding'],
  ['overloaded', 503, 'api_error', 'Server is busy, please retry later'],
  ['control_plane_unavailable', 503, 'api_error', 'Service temporarily unavailable, please retry later'],
  ['ledger_unavailable', 503, 'api_error', 'Service temporarily unavailable, please retry later'],
  ['balance_unavailable', 503, 'api_error', 'Service temporarily unavailable, please retry later'],
  ['internal_error', 500, 'api_error', 'Internal server error'],
]

const SHOULD_RETRY: Record<number, string> = {
  400: 'false',
  401: 'false',
  403: 'false',
  404: 'false',
  405: 'false',
  413: 'false',
  415: 'false',
  429: 'true',
  503: 'true',
}

describe('openAiError', () => {
  test.each(TABLE)('%s is %i %s: %s', (code, status, type, message) => {
    const answer = openAiError(new GatewayError(code))
    expect(answer.status).toBe(status)
    expect(JSON.parse(answer.body)).toEqual({ error: { message, type, param: null, code } })
    expect(answer.headers['x-should-retry']).toBe(SHOULD_RETRY[status])
    const mustSayWhen = status === 429 || status === 503
    expect('retry-after' in answer.headers).toBe(mustSayWhen)
    expect('retry-after-ms' in answer.headers).toBe(mustSayWhen)
  })

  test('names the limit of a body that is too large, and the member at fault', () => {
    const tooLarge = openAiError(
      new GatewayError('body_too_large', { message: 'Request body too large, limit is 64MB' }),
    )
    expect(tooLarge.status).toBe(413)
    expect(JSON.parse(tooLarge.body).error.message).toBe('Request body too large, limit is 64MB')
    const duplicate = openAiError(new GatewayError('duplicate_key', { param: 'messages' }))
    expect(JSON.parse(duplicate.body).error.param).toBe('messages')
  })

  test.each([
    [undefined, '1', '1000'],
    [0, '1', '1'],
    [-5, '1', '1'],
    [1, '1', '1'],
    [999.6, '1', '1000'],
    [1_000, '1', '1000'],
    [1_001, '2', '1001'],
    [60_000, '60', '60000'],
  ])('a wait of %s ms is told as %s s and %s ms', (retryAfterMs, seconds, ms) => {
    const { headers } = openAiError(
      new GatewayError('upstream_rate_limit', retryAfterMs === undefined ? {} : { retryAfterMs }),
    )
    expect([headers['retry-after'], headers['retry-after-ms']]).toEqual([seconds, ms])
  })

  test('says nothing of what it was not made to say', () => {
    const cause = new Error('connect ECONNREFUSED 10.0.0.7:443')
    const answer = openAiError(asGatewayError(cause))
    expect(answer.status).toBe(500)
    expect(JSON.stringify(answer)).not.toContain('10.0.0.7')
  })
})

test.each([
  [200, undefined],
  [400, 'false'],
  [404, 'false'],
  [409, 'false'],
  [413, 'false'],
  [422, 'false'],
  [502, undefined],
])("the upstream's own %i is passed through with x-should-retry %s", (status, told) => {
  expect(passedRetryHeaders(status)['x-should-retry']).toBe(told)
})

describe('clients of the Codex family', () => {
  const billing = TABLE.filter(([, , type]) => type === BILLING)

  test.each(billing)('hear of %s what stops them at once', (code, _status, _type, message) => {
    const { status, headers, body } = openAiError(new GatewayError(code), true)
    expect(status).toBe(429)
    expect(JSON.parse(body)).toEqual({
      error: { message, type: 'insufficient_quota', param: null, code: 'insufficient_quota' },
    })
    expect(headers).toEqual({ 'x-should-retry': 'false', 'retry-after': '1', 'retry-after-ms': '1000' })
  })

  test.each(TABLE.filter(([, , type]) => type !== BILLING))('hear of %s what everybody hears', (code) => {
    expect(openAiError(new GatewayError(code), true)).toEqual(openAiError(new GatewayError(code)))
  })

  test('hear it in a stream too', () => {
    const error = new GatewayError('daily_limit')
    expect(chatErrorEvent(error, true)).toBe(
      'data: {"error":{"message":"Daily limit reached","type":"insufficient_quota","param":null,"code":"insufficient_quota"}}\n\n',
    )
    expect(errorMembers(error, true)).toMatchObject({ code: 'insufficient_quota', message: 'Daily limit reached' })
    expect(errorMembers(error, false)).toMatchObject({ code: 'daily_limit', type: 'billing_error' })
  })
})

describe('an error in a stream', () => {
  test('is one nested event of a chat', () => {
    expect(chatErrorEvent(new GatewayError('upstream_stalled'))).toBe(
      'data: {"error":{"message":"Upstream stopped responding","type":"upstream_error","param":null,"code":"upstream_stalled"}}\n\n',
    )
  })

  test('is response.failed with the next number, encoded whatever it says', () => {
    const event = responsesErrorEvent({ code: 'x', message: 'line\nbreak "quoted"\u2028' }, 'resp_1', 7)
    const [name, data, ...rest] = event.split('\n')
    expect(name).toBe('event: response.failed')
    expect(rest).toEqual(['', ''])
    expect(JSON.parse(data?.slice('data: '.length) ?? '')).toMatchObject({
      type: 'response.failed',
      sequence_number: 7,
      response: { id: 'resp_1', status: 'failed', error: { code: 'x', message: 'line\nbreak "quoted"\u2028' } },
    })
  })
})

describe('a whole answer in a stream that is open already', () => {
  test('is one chunk and the end of a chat', () => {
    expect(wholeAnswerEvent('{"id":"c","choices":[]}', 'chat', 'r')).toBe(
      'data: {"id":"c","choices":[]}\n\ndata: [DONE]\n\n',
    )
  })

  test('is an error and no end of a chat where it is one', () => {
    expect(wholeAnswerEvent('{"error":{"message":"no"}}', 'chat', 'r')).toBe('data: {"error":{"message":"no"}}\n\n')
  })

  test('is response.completed', () => {
    const event = wholeAnswerEvent('{"id":"resp_1","output":[]}', 'responses', 'r')
    expect(event).toBe(
      'event: response.completed\ndata: {"type":"response.completed","sequence_number":0,"response":{"id":"resp_1","output":[]}}\n\n',
    )
  })

  test('is response.incomplete where it says so', () => {
    const event = wholeAnswerEvent('{"id":"resp_1","status":"incomplete","error":null}', 'responses', 'r')
    expect(event).toContain('event: response.incomplete\ndata: {"type":"response.incomplete"')
  })

  test('is response.failed where it is an error', () => {
    const event = wholeAnswerEvent('{"error":{"message":"no","code":"bad"}}', 'responses', 'r1')
    expect(event).toContain('event: response.failed\n')
    expect(event).toContain('"id":"resp_r1"')
    expect(event).toContain('"error":{"code":"bad","message":"no"}')
  })
})
