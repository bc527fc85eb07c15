import { describe, expect, test } from 'vitest'
import { startGatedUpstream } from '../support/gated-upstream.ts'
import {
  type Answered,
  errorOf,
  type GatewayWorld,
  sharedGatewayWorld,
  startGatewayWorld,
} from '../support/gateway-world.ts'

const SOON = { timeout: 20_000 }

interface Row {
  status: number
  type: string
  code: string
  message: string
  param?: string
  /** x-should-retry; null = absent. */
  shouldRetry: string | null
}

const KEY: Row = {
  status: 401,
  type: 'authentication_error',
  code: 'invalid_api_key',
  message: 'Invalid API key',
  shouldRetry: 'false',
}

function caller(status: number, code: string, message: string, param?: string): Row {
  return { status, type: 'invalid_request_error', code, message, shouldRetry: 'false', ...(param && { param }) }
}

function expectRow(answer: Answered, row: Row): void {
  const { status, type, code, message, param = null, shouldRetry } = row
  expect({ status: answer.status, ...errorOf(answer) }).toEqual({ status, type, code, message, param })
  expect(Object.keys(JSON.parse(answer.text))).toEqual(['error'])
  expect(answer.headers.get('x-should-retry')).toBe(shouldRetry)
  expect(answer.headers.get('content-type')).toBe('application/json')
  expect(answer.headers.get('x-request-id')).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7/)
  const isTold = status === 429 || status === 503
  expect(Number(answer.headers.get('retry-after')) >= 1).toBe(isTold)
  expect(Number(answer.headers.get('retry-after-ms')) >= 1).toBe(isTold)
}

const BODY = '{"model":"sandbox-small","messages":[{"role":"user","content":"Hello"}]}'
const CHAT = '/v1/chat/completions'

describe('refusals before an upstream is asked', () => {
  const worldOf = sharedGatewayWorld({ maxBodyBytes: 200_000 })
  const deep = (levels: number) => `{"model":"m","x":${'['.repeat(levels)}${']'.repeat(levels)}}`
  type Ask = (world: GatewayWorld) => Promise<Answered>
  const send =
    (body: BodyInit, headers: Record<string, string> = {}): Ask =>
    (world) =>
      world.request(CHAT, { body, headers })

  test.each<[string, Ask, Row]>([
    ['an unknown route', (w) => w.request('/v1/nothing'), caller(404, 'unknown_route', 'Unknown request URL')],
    [
      'an unknown route without a key',
      (w) => w.request('/v1/nothing', { apiKey: null }),
      caller(404, 'unknown_route', 'Unknown request URL'),
    ],
    [
      'a wrong method',
      (w) => w.request(CHAT, { method: 'GET' }),
      caller(405, 'method_not_allowed', 'Method not allowed'),
    ],
    ['no key', (w) => w.chat({}, { apiKey: null }), KEY],
    ['a malformed key', (w) => w.chat({}, { apiKey: 'sk-nonsense' }), KEY],
    ['an unknown key', (w) => w.chat({}, { apiKey: `tp-aaaaaaaaaa-${'A'.repeat(43)}` }), KEY],
    [
      'a known key with a wrong secret',
      (w) => w.chat({}, { apiKey: `${w.key.slice(0, -1)}${w.key.endsWith('A') ? 'B' : 'A'}` }),
      KEY,
    ],
    ['a wrong key before a bad body', (w) => w.request(CHAT, { apiKey: 'x', body: '{' }), KEY],
    [
      'a key in the query',
      (w) => w.request(`${CHAT}?api_key=x`, { body: BODY }),
      caller(400, 'api_key_in_query', 'Send the API key in the Authorization header'),
    ],
    [
      'an encoding we do not read',
      send(BODY, { 'content-encoding': 'gzip' }),
      caller(415, 'unsupported_encoding', 'Unsupported content encoding'),
    ],
    [
      'a body over the limit',
      send('x'.repeat(200_001)),
      caller(413, 'body_too_large', 'Request body too large, limit is 200000 bytes'),
    ],
    ['an empty body', send(''), caller(400, 'body_empty', 'Request body is empty')],
    ['white space for a body', send(' \n '), caller(400, 'body_empty', 'Request body is empty')],
    ['no JSON', send('{"model":'), caller(400, 'body_invalid', 'Failed to parse request body')],
    ['a list', send('[]'), caller(400, 'body_invalid', 'Failed to parse request body')],
    [
      'bytes that are no UTF-8',
      send(Buffer.from([0x7b, 0xff, 0x7d])),
      caller(400, 'body_invalid', 'Failed to parse request body'),
    ],
    ['a byte order mark', send(`\ufeff${BODY}`), caller(400, 'body_invalid', 'Failed to parse request body')],
    [
      'a member twice',
      send('{"model":"a","model":"b"}'),
      caller(400, 'duplicate_key', 'Duplicate key in request body', 'model'),
    ],
    [
      'a member twice, once in escapes',
      send('{"model":"a","mod\\u0065l":"b"}'),
      caller(400, 'duplicate_key', 'Duplicate key in request body', 'model'),
    ],
    ['nesting over 128', send(deep(128)), caller(400, 'json_too_deep', 'Request body is nested too deeply')],
    ['nesting of 90,000', send(deep(90_000)), caller(400, 'json_too_deep', 'Request body is nested too deeply')],
    ['no model', send('{}'), caller(400, 'model_required', 'model is required', 'model')],
    ['a model that is no text', send('{"model":5}'), caller(400, 'model_required', 'model is required', 'model')],
    ['an empty model', send('{"model":" "}'), caller(400, 'model_required', 'model is required', 'model')],
  ])('%s', async (_, ask, row) => {
    const world = worldOf()
    expectRow(await ask(world), row)
    expect(world.sandboxes[0]?.requests).toEqual([])
    expect(await world.ledger()).toEqual([])
  })

  test.each<[string, Parameters<typeof startGatewayWorld>[0], Row]>([
    ['a revoked key', { key: { status: 'revoked' } }, KEY],
    ['a disabled key', { key: { status: 'disabled' } }, KEY],
    ['an expired key', { key: { expiresAt: new Date(Date.now() - 1000) } }, KEY],
    ['an owner who is not active', { user: { status: 'disabled' } }, KEY],
    [
      'an address the key may not be used from',
      { key: { cidrs: ['10.0.0.0/8'] } },
      {
        status: 403,
        type: 'permission_error',
        code: 'ip_not_allowed',
        message: 'This API key cannot be used from this address',
        shouldRetry: 'false',
      },
    ],
    [
      'a disabled group',
      { group: { status: 'disabled' } },
      {
        status: 403,
        type: 'permission_error',
        code: 'group_unavailable',
        message: "This API key's group is not available",
        shouldRetry: 'false',
      },
    ],
    [
      'a model no account serves',
      { accounts: [{ models: ['other'] }] },
      caller(404, 'model_not_found', 'The model does not exist or you do not have access to it', 'model'),
    ],
    [
      'a model the key may not use',
      { key: { models: ['other'] } },
      caller(404, 'model_not_found', 'The model does not exist or you do not have access to it', 'model'),
    ],
    [
      'a request larger than its key may take in a minute',
      { key: { tokensPerMinute: 1 } },
      {
        status: 429,
        type: 'rate_limit_error',
        code: 'tokens_per_minute',
        message: 'Rate limit reached, please retry later',
        shouldRetry: 'true',
      },
    ],
    [
      'a request larger than its group may take in a minute',
      { group: { tokensPerMinute: 1 } },
      {
        status: 429,
        type: 'rate_limit_error',
        code: 'tokens_per_minute',
        message: 'Rate limit reached, please retry later',
        shouldRetry: 'true',
      },
    ],
    [
      'accounts that are all disabled',
      { accounts: [{ status: 'disabled' }] },
      {
        status: 503,
        type: 'api_error',
        code: 'no_available_accounts',
        message: 'No available accounts',
        shouldRetry: 'true',
      },
    ],
    [
      'what the account cannot say',
      { accounts: [{ protocol: 'responses' }] },
      caller(400, 'unsupported_parameter', 'Unsupported parameter', 'n'),
    ],
  ])('%s', async (_, options, row) => {
    await using world = await startGatewayWorld(options)
    expectRow(await world.chat({ n: 2 }), row)
    expect(await world.ledger()).toEqual([])
  })

  test('unknown keys are refused without a look-up after 120 from one address; known ones always pass', async () => {
    await using world = await startGatewayWorld()
    expect((await world.chat()).status).toBe(200)
    for (let n = 0; n < 120; n++) expect((await world.chat({}, { apiKey: 'tp-nonsense' })).status).toBe(401)
    expectRow(await world.chat({}, { apiKey: 'tp-nonsense' }), {
      status: 429,
      type: 'rate_limit_error',
      code: 'too_many_invalid_keys',
      message: 'Too many requests with invalid API keys',
      shouldRetry: 'true',
    })
    expect((await world.chat()).status).toBe(200)
  })

  test.each([{ key: { requestsPerMinute: 1 } }, { group: { requestsPerMinute: 1 } }])(
    'one request more than %o allows',
    async (options) => {
      await using world = await startGatewayWorld(options)
      expect((await world.chat()).status).toBe(200)
      expectRow(await world.chat(), {
        status: 429,
        type: 'rate_limit_error',
        code: 'requests_per_minute',
        message: 'Rate limit reached, please retry later',
        shouldRetry: 'true',
      })
      expect(await world.ledger()).toHaveLength(1)
    },
  )

  test('a full waiting room and a busy user, key or account are told apart', async () => {
    const busy = async (options: Parameters<typeof startGatewayWorld>[0], code: string, whose: string) => {
      await using upstream = await startGatedUpstream()
      const accounts = (options?.accounts ?? [{}]).map((account) => ({ ...account, baseUrl: upstream.baseUrl }))
      await using world = await startGatewayWorld({ group: { onBusy: 'fail' }, ...options, accounts })
      const first = world.chat()
      await expect.poll(upstream.maxInFlight, SOON).toBe(1)
      expectRow(await world.chat(), {
        status: 429,
        type: 'rate_limit_error',
        code,
        message: `Concurrency limit exceeded for ${whose}, please retry later`,
        shouldRetry: 'true',
      })
      upstream.open()
      expect((await first).status).toBe(200)
    }
    await busy({ user: { concurrency: 1 } }, 'user_concurrency_limit', 'user')
    await busy({ key: { concurrency: 1 } }, 'key_concurrency_limit', 'key')
    await busy({ accounts: [{ concurrency: 1 }] }, 'account_concurrency_limit', 'account')

    await using upstream = await startGatedUpstream()
    await using world = await startGatewayWorld({
      user: { concurrency: 1 },
      accounts: [{ baseUrl: upstream.baseUrl }],
    })
    const asked = Array.from({ length: 1 + 21 + 5 }, () => world.chat())
    let answered = 0
    for (const answer of asked) void answer.then(() => answered++)
    // Nobody is let go before all have asked and those who found no room have been told.
    await expect.poll(() => answered, SOON).toBe(5)
    await expect.poll(() => world.gateway.gauges().inFlight, SOON).toBe(1 + 21)
    upstream.open()
    const refused = (await Promise.all(asked)).filter(({ status }) => status === 429)
    expect(refused).toHaveLength(5)
    for (const answer of refused) {
      expectRow(answer, {
        status: 429,
        type: 'rate_limit_error',
        code: 'queue_full',
        message: 'Too many pending requests, please retry later',
        shouldRetry: 'true',
      })
    }
  }, 180_000)
})

describe('what an upstream answers', () => {
  const upstream = (status: number, code: string, message: string, type = 'upstream_error'): Row => ({
    status,
    type,
    code,
    message,
    shouldRetry: status === 429 || status === 503 ? 'true' : null,
  })
  const GONE = 'Upstream service temporarily unavailable'

  test.each<[string, Parameters<GatewayWorld['setFault']>[0], Row]>([
    [
      '401',
      { kind: 'status', status: 401 },
      upstream(502, 'upstream_auth', 'Upstream authentication failed, please contact administrator'),
    ],
    [
      '402',
      { kind: 'status', status: 402 },
      upstream(502, 'upstream_auth', 'Upstream authentication failed, please contact administrator'),
    ],
    [
      '403',
      { kind: 'status', status: 403 },
      upstream(502, 'upstream_forbidden', 'Upstream access forbidden, please contact administrator'),
    ],
    [
      'a 403 page',
      { kind: 'html' },
      upstream(502, 'upstream_forbidden', 'Upstream access forbidden, please contact administrator'),
    ],
    ['407', { kind: 'status', status: 407 }, upstream(502, 'upstream_failed', 'Upstream request failed')],
    ['408', { kind: 'status', status: 408 }, upstream(502, 'upstream_failed', 'Upstream request failed')],
    [
      '429',
      { kind: 'status', status: 429, code: 'rate_limit_exceeded' },
      upstream(429, 'upstream_rate_limit', 'Upstream rate limit exceeded, please retry later', 'rate_limit_error'),
    ],
    [
      '429 of a used-up quota',
      { kind: 'status', status: 429, code: 'insufficient_quota' },
      upstream(503, 'no_available_accounts', 'No available accounts', 'api_error'),
    ],
    ['500', { kind: 'status', status: 500 }, upstream(502, 'upstream_unavailable', GONE)],
    ['501', { kind: 'status', status: 501 }, upstream(502, 'upstream_failed', 'Upstream request failed')],
    ['502', { kind: 'status', status: 502 }, upstream(502, 'upstream_unavailable', GONE)],
    ['503', { kind: 'status', status: 503 }, upstream(502, 'upstream_unavailable', GONE)],
    ['504', { kind: 'status', status: 504 }, upstream(502, 'upstream_unavailable', GONE)],
    [
      '529',
      { kind: 'status', status: 529 },
      upstream(503, 'upstream_overloaded', 'Upstream service overloaded, please retry later'),
    ],
    ['a cut before headers', { kind: 'cut' }, upstream(502, 'upstream_unreachable', GONE)],
    ['broken JSON', { kind: 'malformed_json' }, upstream(502, 'upstream_invalid_response', 'Upstream request failed')],
    [
      'half its JSON',
      { kind: 'truncated_json' },
      upstream(502, 'upstream_invalid_response', 'Upstream request failed'),
    ],
    ['nothing', { kind: 'empty' }, upstream(502, 'upstream_invalid_response', 'Upstream request failed')],
    [
      'a cut within the JSON',
      { kind: 'cut', afterBytes: 50 },
      upstream(502, 'upstream_invalid_response', 'Upstream request failed'),
    ],
    ['a redirect', { kind: 'redirect' }, upstream(502, 'upstream_redirect', 'Upstream request failed')],
    ['a gzip bomb', { kind: 'gzip_bomb' }, upstream(502, 'upstream_too_large', 'Upstream request failed')],
    ['nothing in time', { kind: 'no_answer' }, upstream(504, 'upstream_timeout', 'Upstream timed out')],
    ['headers and then nothing', { kind: 'headers_only' }, upstream(504, 'upstream_timeout', 'Upstream timed out')],
  ])('%s', async (_, fault, row) => {
    // Only what is to be waited for in vain is short: the others have all the time of a busy machine.
    const isSilent = row.code === 'upstream_timeout'
    const group = isSilent ? { firstByteTimeoutMs: 400, idleTimeoutMs: 400 } : {}
    await using world = await startGatewayWorld({ group })
    world.setFault(fault)
    for (const ask of [world.chat, world.responses]) {
      await world.sql`update accounts set status = 'active', health = '{}'`
      for (const id of world.accountIds) await world.gateway.accountRuntime.clear(id)
      await world.gateway.reload()
      expectRow(await ask(), row)
    }
    const rows = await world.ledger()
    expect(rows.map(({ errorCode, billedNano }) => [errorCode, billedNano])).toEqual([
      [row.code, 0n],
      [row.code, 0n],
    ])
    expect(world.gateway.stats().heldSlots).toBe(0)
  })

  test("the caller's own mistakes go through as they are, and are nobody's fault but his", async () => {
    await using world = await startGatewayWorld({ accounts: [{}, {}] })
    for (const status of [400, 404, 409, 413, 422]) {
      world.setFault(
        { kind: 'status', status, code: 'his_fault', type: 'invalid_request_error', message: 'Yours', times: 1 },
        0,
      )
      world.setFault(
        { kind: 'status', status, code: 'his_fault', type: 'invalid_request_error', message: 'Yours', times: 1 },
        1,
      )
      const answer = await world.chat()
      expect(answer.status).toBe(status)
      expect(errorOf(answer)).toEqual({
        message: 'Yours',
        type: 'invalid_request_error',
        param: null,
        code: 'his_fault',
      })
      expect(answer.headers.get('x-turnpike-attempts')).toBe('1')
      for (const sandbox of world.sandboxes) sandbox.clearFaults()
    }
    expect(new Set((await world.ledger()).map(({ outcome }) => outcome))).toEqual(new Set(['rejected_upstream']))
  })

  test('another account answers instead, in order of priority, each asked once', async () => {
    await using world = await startGatewayWorld({ accounts: [{ priority: 1 }, { priority: 2 }, { priority: 3 }] })
    world.setFault({ kind: 'status', status: 500 }, 0)
    world.setFault({ kind: 'cut' }, 1)
    const answer = await world.chat({ stream: true })
    expect(answer.status).toBe(200)
    expect(answer.headers.get('x-turnpike-attempts')).toBe('3')
    const [row] = await world.ledger()
    expect(row?.attempts.map(({ accountId, reason }) => [accountId, reason])).toEqual([
      [world.accountIds[0], 'upstream_unavailable'],
      [world.accountIds[1], 'upstream_unreachable'],
      [world.accountIds[2], null],
    ])
    expect(row).toMatchObject({ outcome: 'completed', accountId: world.accountIds[2] })
  })

  test('a model that one account does not know may be known to another', async () => {
    await using world = await startGatewayWorld({ accounts: [{ priority: 1 }, { priority: 2 }] })
    world.setFault({ kind: 'status', status: 404, code: 'model_not_found' }, 0)
    expect((await world.chat()).status).toBe(200)
    world.setFault({ kind: 'status', status: 404, code: 'model_not_found' }, 1)
    expect((await world.chat()).status).toBe(404)
  })
})
