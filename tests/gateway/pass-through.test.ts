import { prices } from '@turnpike/db/schema'
import OpenAI, { toFile } from 'openai'
import { describe, expect, test } from 'vitest'
import { errorOf, type GatewayWorld, sharedGatewayWorld, startGatewayWorld } from '../support/gateway-world.ts'
import { sendJson, startRawUpstream } from '../support/raw-upstream.ts'

const MODEL = 'sandbox-small'
/** Every byte there is: what is taken for text on its way does not come out the same. */
const EVERY_BYTE = Buffer.from(Uint8Array.from({ length: 1024 }, (_, at) => at % 256))

const JSON_ROUTES: [endpoint: string, body: object][] = [
  ['/v1/embeddings', { input: 'one two' }],
  ['/v1/completions', { prompt: 'one two' }],
  ['/v1/moderations', { input: 'one two' }],
  ['/v1/images/generations', { prompt: 'one two' }],
  ['/v1/audio/speech', { input: 'one two', voice: 'alloy' }],
]

function form(fields: Record<string, string | Blob>): FormData {
  const data = new FormData()
  for (const [name, value] of Object.entries(fields)) {
    if (typeof value === 'string') data.append(name, value)
    else data.append(name, value, 'speech.wav')
  }
  return data
}

const recording = () => new Blob([EVERY_BYTE], { type: 'audio/wav' })

function connect(world: GatewayWorld): OpenAI {
  return new OpenAI({ apiKey: world.key, baseURL: `${world.origin}/v1`, maxRetries: 0 })
}

async function lastRow(world: GatewayWorld) {
  return (await world.ledger()).at(-1)
}

describe('what only passes through', () => {
  const worldOf = sharedGatewayWorld()

  test.each(JSON_ROUTES)('%s passes the gate and leaves its row', async (endpoint, body) => {
    const world = worldOf()
    const answer = await world.request(endpoint, { body: JSON.stringify({ model: MODEL, ...body }) })
    expect(answer.status).toBe(200)
    expect(answer.headers.get('x-turnpike-attempts')).toBe('1')
    expect(await lastRow(world)).toMatchObject({
      endpoint,
      protocol: null,
      outcome: 'completed',
      status: 200,
      model: MODEL,
      accountId: world.accountIds[0],
      requestId: answer.headers.get('x-request-id'),
    })
    const nobody = await world.request(endpoint, { body: '{}', apiKey: null })
    expect([nobody.status, errorOf(nobody).code]).toEqual([401, 'invalid_api_key'])
    const nameless = await world.request(endpoint, { body: JSON.stringify(body) })
    expect([nameless.status, errorOf(nameless).code]).toEqual([400, 'model_required'])
    const got = await world.request(endpoint, { method: 'GET' })
    expect([got.status, errorOf(got).code]).toEqual([405, 'method_not_allowed'])
  })

  test('usage is what the upstream says, and nothing is counted for an embedding’s output', async () => {
    const world = worldOf()
    await world.request('/v1/embeddings', { body: JSON.stringify({ model: MODEL, input: ['one', 'two'] }) })
    expect(await lastRow(world)).toMatchObject({
      inputTokens: 2,
      outputTokens: 0,
      estimated: false,
      usageInvalid: false,
      priceRule: 'usage',
    })
    await world.request('/v1/images/generations', { body: JSON.stringify({ model: MODEL, prompt: 'a cat', n: 2 }) })
    expect(await lastRow(world)).toMatchObject({ outputTokens: 544, estimated: false, priceRule: 'usage' })
  })

  test('where it says none, input and the text that was delivered are counted', async () => {
    const world = worldOf()
    await world.request('/v1/audio/speech', {
      body: JSON.stringify({ model: MODEL, input: 'Good morning', voice: 'a' }),
    })
    const spoken = await lastRow(world)
    expect(spoken).toMatchObject({ outputTokens: 0, estimated: true, priceRule: 'delivered', usageInvalid: false })
    expect(spoken?.inputTokens).toBeGreaterThan(1)
    await world.request('/v1/audio/transcriptions', {
      body: form({ model: MODEL, file: recording(), prompt: 'Good morning', response_format: 'text' }),
    })
    const heard = await lastRow(world)
    expect(heard).toMatchObject({ estimated: true, priceRule: 'delivered' })
    expect(heard?.outputTokens).toBeGreaterThan(3)
  })

  test('the upstream’s refusal goes to the caller as it is', async () => {
    const world = worldOf()
    const answer = await world.request('/v1/embeddings', { body: JSON.stringify({ model: MODEL, input: [] }) })
    expect([answer.status, errorOf(answer)]).toMatchObject([400, { code: 'invalid_value', param: 'input' }])
    expect(answer.headers.get('x-should-retry')).toBe('false')
    expect(await lastRow(world)).toMatchObject({ outcome: 'rejected_upstream', billedNano: 0n })
  })

  test('a completion streams, and its usage chunk is for who asked', async () => {
    const world = worldOf()
    const ask = (body: object) =>
      world.request('/v1/completions', {
        body: JSON.stringify({ model: MODEL, prompt: 'Hello', stream: true, ...body }),
      })
    const silent = await ask({})
    expect(silent.text).not.toContain('"usage":{')
    expect(silent.text).toMatch(/data: \[DONE\]\n\n$/)
    expect(await lastRow(world)).toMatchObject({ estimated: false, stream: true, outcome: 'completed' })
    expect((await ask({ stream_options: { include_usage: true } })).text).toContain('"usage":{')
  })
})

describe('the official SDK', () => {
  const worldOf = sharedGatewayWorld()

  test('embeds, completes and moderates', async () => {
    const openai = connect(worldOf())
    const embedded = await openai.embeddings.create({ model: MODEL, input: 'Hello', dimensions: 8 })
    expect(embedded.data[0]?.embedding).toHaveLength(8)
    const completed = await openai.completions.create({ model: MODEL, prompt: 'Hello' })
    expect(completed.choices[0]?.text).toContain('Hello')
    let text = ''
    for await (const chunk of await openai.completions.create({ model: MODEL, prompt: 'Hello', stream: true })) {
      text += chunk.choices[0]?.text ?? ''
    }
    expect(text).toBe(completed.choices[0]?.text)
    const moderated = await openai.moderations.create({ model: MODEL, input: ['fine', 'bad [flag]'] })
    expect(moderated.results.map(({ flagged }) => flagged)).toEqual([false, true])
  })

  test('draws, whole and in a stream', async () => {
    const openai = connect(worldOf())
    const drawn = await openai.images.generate({ model: MODEL, prompt: 'a cat' })
    expect(drawn.data?.[0]?.b64_json).toMatch(/^iVBOR/)
    const types: string[] = []
    for await (const event of await openai.images.generate({ model: MODEL, prompt: 'a cat', stream: true })) {
      types.push(event.type)
    }
    expect(types).toEqual(['image_generation.partial_image', 'image_generation.completed'])
    expect(await lastRow(worldOf())).toMatchObject({ outcome: 'completed', outputTokens: 272, estimated: false })
  })

  test('speaks and listens', async () => {
    const openai = connect(worldOf())
    const spoken = await openai.audio.speech.create({ model: MODEL, input: 'Hello', voice: 'alloy' })
    expect(spoken.headers.get('content-type')).toBe('audio/wav')
    expect(
      Buffer.from(await spoken.arrayBuffer())
        .subarray(0, 4)
        .toString(),
    ).toBe('RIFF')
    const file = await toFile(EVERY_BYTE, 'speech.wav', { type: 'audio/wav' })
    const heard = await openai.audio.transcriptions.create({ model: MODEL, file, prompt: 'Good morning' })
    expect(heard.text).toContain('Good morning')
    expect(await lastRow(worldOf())).toMatchObject({ inputTokens: 14, estimated: false })
    let text = ''
    const stream = await openai.audio.transcriptions.create({
      model: MODEL,
      file,
      prompt: 'Good morning',
      stream: true,
    })
    for await (const event of stream) if (event.type === 'transcript.text.delta') text += event.delta
    expect(text).toBe(heard.text)
    expect(await lastRow(worldOf())).toMatchObject({ outcome: 'completed', stream: true, estimated: false })
  })
})

describe('bytes', () => {
  test('of sound come out as they came in, chunk by chunk', async () => {
    await using upstream = await startRawUpstream((response) => {
      response.writeHead(200, { 'content-type': 'audio/mpeg', 'set-cookie': 'a=b' })
      for (let at = 0; at < EVERY_BYTE.length; at += 100) response.write(EVERY_BYTE.subarray(at, at + 100))
      response.end()
    })
    await using world = await startGatewayWorld({ accounts: [{ baseUrl: upstream.baseUrl }] })
    const response = await fetch(`${world.origin}/v1/audio/speech`, {
      method: 'POST',
      headers: { authorization: `Bearer ${world.key}` },
      body: '{"model":"m","input":"Hello","voice":"v"}',
    })
    expect(Buffer.from(await response.arrayBuffer()).equals(EVERY_BYTE)).toBe(true)
    expect([response.headers.get('content-type'), response.headers.get('set-cookie')]).toEqual(['audio/mpeg', null])
  })

  test('that break off do not look whole', async () => {
    await using upstream = await startRawUpstream((response) => {
      response.writeHead(200, { 'content-type': 'audio/mpeg' })
      response.write(EVERY_BYTE, () => setImmediate(() => response.destroy()))
    })
    await using world = await startGatewayWorld({ accounts: [{ baseUrl: upstream.baseUrl }] })
    const reading = fetch(`${world.origin}/v1/audio/speech`, {
      method: 'POST',
      headers: { authorization: `Bearer ${world.key}` },
      body: '{"model":"m","input":"Hello","voice":"v"}',
    }).then((response) => response.arrayBuffer())
    await expect(reading).rejects.toThrow()
    expect(await lastRow(world)).toMatchObject({ outcome: 'upstream_cut', estimated: true })
  })

  test('of a recording go in as they came, but for the model’s name', async () => {
    await using upstream = await startRawUpstream((response) => sendJson(response, '{"text":"Hello"}'))
    await using world = await startGatewayWorld({
      accounts: [{ baseUrl: upstream.baseUrl, modelMapping: { mine: 'theirs' } }],
    })
    const boundary = 'a-boundary'
    const body = (model: string) =>
      Buffer.concat([
        Buffer.from(`--${boundary}\r\nContent-Disposition: form-data; name="file"; filename="a.wav"\r\n\r\n`),
        EVERY_BYTE,
        Buffer.from(
          `\r\n--${boundary}\r\nContent-Disposition: form-data; name="model"\r\n\r\n${model}\r\n--${boundary}--\r\n`,
        ),
      ])
    const headers = { 'content-type': `multipart/form-data; boundary=${boundary}` }
    const answer = await world.request('/v1/audio/transcriptions', { body: body('mine'), headers })
    expect(answer).toMatchObject({ status: 200, text: '{"text":"Hello"}' })
    const [seen] = upstream.requests
    expect(seen).toMatchObject({ path: '/v1/audio/transcriptions', headers })
    expect(seen?.body).toBe(body('theirs').toString('utf8'))
    expect(await lastRow(world)).toMatchObject({ model: 'mine', upstreamModel: 'theirs', priceRule: 'delivered' })
  })
})

describe('a form that could be read otherwise than we do is refused', () => {
  const worldOf = sharedGatewayWorld({ group: { models: [MODEL] } })
  const part = (disposition: string, value: string) => `--b\r\nContent-Disposition: ${disposition}\r\n\r\n${value}\r\n`
  const model = part('form-data; name="model"', MODEL)

  test.each([
    ['two models', `${model}${part('form-data; name="model"', 'gpt-secret')}--b--\r\n`, 'duplicate_key'],
    ['no model', `${part('form-data; name="file"; filename="x"', 'x')}--b--\r\n`, 'model_required'],
    ['an empty one', `${part('form-data; name="model"', '')}--b--\r\n`, 'model_required'],
    ['a file as model', `${part('form-data; name="model"; filename="x"', MODEL)}--b--\r\n`, 'body_invalid'],
    ['two names', `${part('form-data; name="model"; name="file"', MODEL)}--b--\r\n`, 'body_invalid'],
    ['an encoded name', `${model}${part("form-data; name*=utf-8''model", 'gpt-secret')}--b--\r\n`, 'body_invalid'],
    ['an escaped name', `${model}${part('form-data; name="mod\\el"', 'gpt-secret')}--b--\r\n`, 'body_invalid'],
    ['no name', `${model}${part('form-data', 'x')}--b--\r\n`, 'body_invalid'],
    ['no end', model, 'body_invalid'],
    ['another boundary', `${model.replaceAll('--b', '--c')}--c--\r\n`, 'body_invalid'],
    ['a preamble', `hello\r\n${model}--b--\r\n`, 'body_invalid'],
    [
      'too many parts',
      `${Array.from({ length: 65 }, (_, at) => part(`form-data; name="f${at}"`, 'x')).join('')}--b--\r\n`,
      'body_invalid',
    ],
    ['nothing', '', 'body_empty'],
    [
      'another model than the group has',
      `${part('form-data; name="model"', 'gpt-secret')}--b--\r\n`,
      'model_not_found',
    ],
  ])('%s', async (_, body, code) => {
    const world = worldOf()
    const headers = { 'content-type': 'multipart/form-data; boundary=b' }
    const answer = await world.request('/v1/audio/transcriptions', { body, headers })
    expect([answer.status, errorOf(answer).code]).toEqual([code === 'model_not_found' ? 404 : 400, code])
    expect(world.sandboxes[0]?.status().requests).toBe(0)
  })

  test('JSON is no form', async () => {
    const answer = await worldOf().request('/v1/audio/transcriptions', { body: JSON.stringify({ model: MODEL }) })
    expect([answer.status, errorOf(answer).code]).toEqual([400, 'body_invalid'])
  })
})

describe('behind the gate', () => {
  test('the next account answers where one fails', async () => {
    await using world = await startGatewayWorld({ accounts: [{ priority: 1 }, { priority: 2 }] })
    world.setFault({ kind: 'status', status: 503 })
    const file = recording()
    const answer = await world.request('/v1/audio/transcriptions', { body: form({ model: MODEL, file }) })
    expect([answer.status, answer.headers.get('x-turnpike-attempts')]).toEqual([200, '2'])
    expect(await lastRow(world)).toMatchObject({ accountId: world.accountIds[1] })
    const embedded = await world.request('/v1/embeddings', { body: JSON.stringify({ model: MODEL, input: 'x' }) })
    expect(embedded.status).toBe(200)
  })

  test('what has a price is billed by it', async () => {
    await using world = await startGatewayWorld({ group: { rateMultiplierE4: 20_000 } })
    const perMillion = { inputNano: 1_000_000_000n, outputNano: 0n }
    await world.db.insert(prices).values({ model: MODEL, validFrom: new Date(0), ...perMillion })
    await world.gateway.reload()
    await world.request('/v1/embeddings', { body: JSON.stringify({ model: MODEL, input: ['one', 'two'] }) })
    expect(await lastRow(world)).toMatchObject({ costNano: 2_000n, billedNano: 4_000n })
  })

  test('its requests count in the rates of its key', async () => {
    await using world = await startGatewayWorld({ key: { requestsPerMinute: 1 } })
    const ask = () => world.request('/v1/moderations', { body: JSON.stringify({ model: MODEL, input: 'x' }) })
    expect((await ask()).headers.get('x-ratelimit-remaining-requests')).toBe('0')
    const refused = await ask()
    expect([refused.status, errorOf(refused).code]).toEqual([429, 'requests_per_minute'])
  })
})
