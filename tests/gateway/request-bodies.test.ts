import { request as open } from 'node:http'
import { connect } from 'node:net'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { errorOf, type GatewayWorld, sharedGatewayWorld, startGatewayWorld } from '../support/gateway-world.ts'
import { chatAnswer, type RawUpstream, sendJson, startRawUpstream } from '../support/raw-upstream.ts'

const CHAT = '/v1/chat/completions'

/** A gateway before an upstream that takes any body. */
function sharedPair(account: object = {}, options: Parameters<typeof startGatewayWorld>[0] = {}) {
  const stack = new AsyncDisposableStack()
  let pair: { world: GatewayWorld; upstream: RawUpstream } | undefined
  beforeAll(async () => {
    const upstream = stack.use(await startRawUpstream((response) => sendJson(response, chatAnswer())))
    const world = stack.use(
      await startGatewayWorld({ ...options, accounts: [{ baseUrl: upstream.baseUrl, ...account }] }),
    )
    pair = { world, upstream }
  })
  afterAll(() => stack.disposeAsync())
  return () => {
    if (pair === undefined) throw new Error('the pair is there while tests run')
    pair.upstream.requests.length = 0
    return pair
  }
}

const deep = (levels: number) => `{"model":"m","x":${'['.repeat(levels - 1)}${']'.repeat(levels - 1)}}`

/** A body by how its model is spelt. */
const BODIES: [string, (model: string) => string][] = [
  ['odd white space', (model) => `\n\t{ "model"\r\n:\t${model} , "messages" : [ ] }\n\n`],
  ['integers beyond 2^53', (model) => `{"model":${model},"a":9007199254740993,"b":123456789012345678901234567890}`],
  ['numbers that would change', (model) => `{"model":${model},"a":1.0,"b":1e400,"c":-0,"d":0.10,"e":1E+2}`],
  ['halves of characters', (model) => `{"model":${model},"x":"\\ud800","y":"\\udc00\\ud800"}`],
  ['escapes', (model) => `{"x":"\\u0000\\/\\u00e9\\"\\\\","model":${model}}`],
  ['characters of four bytes', (model) => `{"x":"😀 模型 ñ \u2028","model":${model}}`],
  ['members twice, below the top', (model) => `{"model":${model},"x":{"a":1,"a":2}}`],
  ['members with a past', (model) => `{"__proto__":{"x":1},"constructor":null,"toString":1,"model":${model}}`],
  ['128 levels', (model) => deep(128).replace('"m"', model)],
  ['a model under another spelling', (model) => `{"mod\\u0065l":${model}}`],
  [
    'models that are not the model',
    (model) => `{"x":{"model":"m"},"y":"\\"model\\":","model":${model},"z":[{"model":"m"}]}`,
  ],
  ['1 MB of text', (model) => `{"model":${model},"x":"${'é'.repeat(500_000)}"}`],
]

describe('a body reaches the upstream byte for byte', () => {
  const pairOf = sharedPair()
  const mappedPairOf = sharedPair({ modelMapping: { m: 'dëeper/模型"2' } })

  test.each(BODIES)('%s', async (_, bodyWith) => {
    const pair = pairOf()
    const body = bodyWith('"\\u006d"')
    for (const path of [CHAT, '/v1/responses']) {
      expect((await pair.world.request(path, { body })).status).toBe(200)
    }
    expect(pair.upstream.requests.map((seen) => seen.body)).toEqual([body, body])
    expect(pair.upstream.requests.map(({ path }) => path)).toEqual(['/v1/chat/completions', '/v1/responses'])
  })

  test.each(BODIES)('but for the model where it has another name there: %s', async (_, bodyWith) => {
    const pair = mappedPairOf()
    expect((await pair.world.request(CHAT, { body: bodyWith('"\\u006d"') })).status).toBe(200)
    expect(pair.upstream.requests[0]?.body).toBe(bodyWith(JSON.stringify('dëeper/模型"2')))
  })
})

describe('usage is asked for in the stream of a caller who did not, and nothing else is touched', () => {
  const pairOf = sharedPair()

  test.each([
    ['{"model":"m","stream":true}', '{"stream_options":{"include_usage":true},"model":"m","stream":true}'],
    [
      '{ "stream" : true , "stream_options" : {"include_usage" : false}, "model":"m"}',
      '{ "stream" : true , "stream_options" : {"include_usage" : true}, "model":"m"}',
    ],
    [
      '{"stream":true,"stream_options":{"include_obfuscation":false},"model":"m"}',
      '{"stream":true,"stream_options":{"include_usage":true,"include_obfuscation":false},"model":"m"}',
    ],
    [
      '{"stream":true,"stream_options":{},"model":"m"}',
      '{"stream":true,"stream_options":{"include_usage":true},"model":"m"}',
    ],
    [
      '{"stream":true,"stream_options":null,"model":"m"}',
      '{"stream":true,"stream_options":{"include_usage":true},"model":"m"}',
    ],
    [
      '{"stream":true,"stream_options":{"include_usage":true},"model":"m", "n":9007199254740993}',
      '{"stream":true,"stream_options":{"include_usage":true},"model":"m", "n":9007199254740993}',
    ],
    ['{"stream":false,"model":"m"}', '{"stream":false,"model":"m"}'],
  ])('%s', async (body, sent) => {
    const pair = pairOf()
    await pair.world.request(CHAT, { body })
    expect(pair.upstream.requests[0]?.body).toBe(sent)
  })

  test('in Responses it comes by itself', async () => {
    const pair = pairOf()
    const body = '{"model":"m","stream":true,"input":"Hello"}'
    await pair.world.request('/v1/responses', { body })
    expect(pair.upstream.requests[0]?.body).toBe(body)
  })
})

describe('what a caller names a model', () => {
  const pairOf = sharedPair()

  test('is recorded, however it is written, and no row is lost for it', async () => {
    const pair = pairOf()
    const names = ['x\\u0000y', '\\ud800', 'm'.repeat(100_000), "'; drop table usage_logs; --", '😀'.repeat(200)]
    for (const name of names) {
      expect((await pair.world.request(CHAT, { body: `{"model":"${name}"}` })).status).toBe(200)
    }
    expect(await pair.world.ledger()).toHaveLength(names.length)
  })
})

describe('the size of a body', () => {
  const LIMIT = 1_000
  const pairOf = sharedPair({}, { maxBodyBytes: LIMIT })
  const sized = (bytes: number) => `{"model":"m","x":"${'x'.repeat(bytes - 20)}"}`

  test.each([
    [LIMIT, 200],
    [LIMIT + 1, 413],
  ])('%i bytes of 1000 answer %i, whether their number is told or not', async (bytes, status) => {
    const pair = pairOf()
    const body = sized(bytes)
    expect(Buffer.byteLength(body)).toBe(bytes)
    expect((await pair.world.request(CHAT, { body })).status).toBe(status)
    expect((await sendChunked(pair.world, body)).status).toBe(status)
    expect(pair.upstream.requests).toHaveLength(status === 200 ? 2 : 0)
  })

  test.each([
    [1_048_575, '1048575 bytes'],
    [1_048_576, '1MB'],
    [67_108_864, '64MB'],
  ])('a limit of %i is told as %s', async (maxBodyBytes, told) => {
    await using world = await startGatewayWorld({ maxBodyBytes })
    const head = [`POST ${CHAT} HTTP/1.1`, 'Host: x', `Authorization: Bearer ${world.key}`, 'Connection: close']
    const answer = await exchange(world, `${head.join('\r\n')}\r\nContent-Length: ${maxBodyBytes + 1}\r\n\r\n`)
    expect(answer).toMatch(/^HTTP\/1.1 413 /)
    expect(answer).toContain(`Request body too large, limit is ${told}`)
  })

  test('what is too large is read on, so that the answer can be read and the connection be used again', async () => {
    await using world = await startGatewayWorld({ maxBodyBytes: 1_000 })
    const tooMuch = 'x'.repeat(3_000_000)
    const request = (body: string, last: boolean) =>
      `POST ${CHAT} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${world.key}\r\nContent-Length: ${body.length}\r\n${last ? 'Connection: close\r\n' : ''}\r\n${body}`
    const answers = await exchange(world, request(tooMuch, false) + request('[]', true))
    expect(answers.match(/HTTP\/1.1 \d+/g)).toEqual(['HTTP/1.1 413', 'HTTP/1.1 400'])
  })
})

describe('a body that is none', () => {
  const pairOf = sharedPair()

  test.each<[string, BodyInit, string]>([
    ['NUL bytes', '{"model":"m","x":"\0"}', 'body_invalid'],
    ['UTF-16', Buffer.from('{"model":"m"}', 'utf16le'), 'body_invalid'],
    ['half a character', Buffer.from([...Buffer.from('{"model":"m","x":"'), 0xf0, 0x9f]), 'body_invalid'],
    ['an overlong character', Buffer.from([...Buffer.from('{"model":"'), 0xc0, 0xaf, 0x22, 0x7d]), 'body_invalid'],
    [
      'half of a pair in UTF-8',
      Buffer.from([...Buffer.from('{"model":"'), 0xed, 0xa0, 0x80, 0x22, 0x7d]),
      'body_invalid',
    ],
    ['two objects', '{"model":"m"}{"model":"m"}', 'body_invalid'],
    ['a comment', '{"model":"m"/**/}', 'body_invalid'],
    ['a last comma', '{"model":"m",}', 'body_invalid'],
    ['NaN', '{"model":"m","x":NaN}', 'body_invalid'],
    ['null', 'null', 'body_invalid'],
    ['a string', '"model"', 'body_invalid'],
    ['a form', 'model=m&messages=', 'body_invalid'],
    ['100,000 levels', `{"model":"m","x":${'['.repeat(100_000)}${']'.repeat(100_000)}}`, 'json_too_deep'],
    ['100,000 levels that never end', `{"model":"m","x":${'['.repeat(100_000)}`, 'body_invalid'],
    ['129 levels', deep(129), 'json_too_deep'],
  ])('%s', async (_, body, code) => {
    const pair = pairOf()
    const answer = await pair.world.request(CHAT, { body })
    expect(answer.status).toBe(400)
    expect(errorOf(answer)).toMatchObject({ type: 'invalid_request_error', code, param: null })
    expect(pair.upstream.requests).toEqual([])
  })

  test('a caller who goes in the middle of his body leaves nothing behind', async () => {
    await using world = await startGatewayWorld()
    const socket = connect(Number(new URL(world.origin).port), '127.0.0.1')
    socket.write(
      `POST ${CHAT} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${world.key}\r\nContent-Length: 100\r\n\r\n{`,
    )
    await expect.poll(() => world.gateway.gauges().inFlight).toBe(1)
    socket.destroy()
    await expect.poll(() => world.gateway.gauges().inFlight).toBe(0)
    expect(world.outcomes).toEqual([])
    expect(await world.ledger()).toEqual([])
  })
})

describe('what comes first is told first', () => {
  const worldOf = sharedGatewayWorld({ maxBodyBytes: 1_000, accounts: [{ models: ['m'] }] })

  test.each<[string, string, RequestInit & { apiKey?: string | null }, string]>([
    ['the route before the key', '/v1/nothing?key=1', { apiKey: null, body: '{' }, 'unknown_route'],
    ['the method before the key', `${CHAT}?key=1`, { method: 'PUT', apiKey: null }, 'method_not_allowed'],
    ['a key in the query before a wrong one', `${CHAT}?key=1`, { apiKey: 'x', body: '{' }, 'api_key_in_query'],
    ['the key before the body', CHAT, { apiKey: 'x', body: '[' }, 'invalid_api_key'],
    [
      'the encoding before the size',
      CHAT,
      { headers: { 'content-encoding': 'br' }, body: 'x'.repeat(2_000) },
      'unsupported_encoding',
    ],
    ['the size before the syntax', CHAT, { body: '['.repeat(2_000) }, 'body_too_large'],
    ['a member twice before the depth', CHAT, { body: `{"x":1,${deep(200).slice(1, -1)},"x":2}` }, 'duplicate_key'],
    ['the depth before the model', CHAT, { body: deep(200).replace('"model":"m",', '') }, 'json_too_deep'],
    ['the body before the model', CHAT, { body: '{"model":"nobody","model":"nobody"}' }, 'duplicate_key'],
  ])('%s', async (_, path, init, code) => {
    expect(errorOf(await worldOf().request(path, init))).toMatchObject({ code })
  })

  test('the model before a full waiting room', async () => {
    await using world = await startGatewayWorld({
      group: { onBusy: 'fail' },
      user: { concurrency: 1 },
      key: { models: ['sandbox-small'] },
    })
    const first = world.chat({ messages: [{ role: 'user', content: '[[sandbox: firstByteMs=2000]]' }] })
    await expect.poll(() => world.sandboxes[0]?.status().inFlight).toBe(1)
    expect(errorOf(await world.chat({ model: 'other' }))).toMatchObject({ code: 'model_not_found' })
    expect(errorOf(await world.chat())).toMatchObject({ code: 'user_concurrency_limit' })
    await first
  })
})

describe('a key in the address', () => {
  const worldOf = sharedGatewayWorld()

  test.each(['api_key', 'apikey', 'key', 'token', 'access_token', 'API_KEY', '%6bey', 'a=1&Token'])(
    'is refused as %s, on every route',
    async (name) => {
      const world = worldOf()
      for (const [method, path] of [
        ['POST', CHAT],
        ['POST', '/v1/responses'],
        ['GET', '/v1/models'],
        ['GET', '/v1/models/sandbox-small'],
        ['GET', '/v1/usage'],
      ]) {
        const answer = await world.request(`${path}?${name}=${world.key}`, { method: method ?? '' })
        expect([answer.status, errorOf(answer).code]).toEqual([400, 'api_key_in_query'])
        expect(answer.text).not.toContain(world.key)
      }
    },
  )

  test('is none where only a name resembles it', async () => {
    const world = worldOf()
    expect((await world.request('/v1/models?keys=1&model=key&my_token=2', { method: 'GET' })).status).toBe(200)
  })
})

/** A body whose length nobody tells beforehand. */
function sendChunked(world: GatewayWorld, body: string): Promise<{ status: number }> {
  const { promise, resolve, reject } = Promise.withResolvers<{ status: number }>()
  const request = open(`${world.origin}${CHAT}`, {
    method: 'POST',
    headers: { authorization: `Bearer ${world.key}`, 'transfer-encoding': 'chunked' },
  })
  request.on('error', reject)
  request.on('response', (response) => {
    response.resume()
    response.once('end', () => resolve({ status: response.statusCode ?? 0 }))
  })
  for (let at = 0; at < body.length; at += 300) request.write(body.slice(at, at + 300))
  request.end()
  return promise
}

/** Everything that comes back until the other side hangs up. */
function exchange({ origin }: GatewayWorld, sent: string): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>()
  const socket = connect(Number(new URL(origin).port), '127.0.0.1')
  let answer = ''
  socket.setEncoding('latin1')
  socket.on('data', (text) => {
    answer += text
  })
  socket.on('error', reject)
  socket.on('close', () => resolve(answer))
  socket.write(sent)
  return promise
}
