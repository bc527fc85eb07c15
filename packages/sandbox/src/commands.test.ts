import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { faultKinds } from './fault.ts'
import { createSandbox, type Sandbox } from './sandbox.ts'

let sandbox: Sandbox

beforeEach(async () => {
  sandbox = await createSandbox({ seed: 7 })
})
afterEach(() => sandbox.close())

interface Options {
  key?: string
  model?: string
  header?: string
  stream?: boolean
}

function ask(
  prompt: string,
  { key = 'k', model = 'sandbox-small', header, stream = false }: Options = {},
  url = sandbox.url,
) {
  return fetch(`${url}/v1/chat/completions`, {
    method: 'POST',
    headers: { authorization: `Bearer ${key}`, ...(header !== undefined && { 'x-sandbox': header }) },
    body: JSON.stringify({ model, stream, messages: [{ role: 'user', content: prompt }] }),
  })
}

/** The parts of an answer these tests look at. */
interface Body {
  choices: { message: { content: string; tool_calls?: { function: unknown }[] } }[]
  error: { code: string; message: string }
}

// The shape is this package's own; what is missing fails the test that reads it.
const bodyOf = async (answer: Response) => (await answer.json()) as Body
const contentOf = async (answer: Response) => (await bodyOf(answer)).choices[0]?.message.content
const statuses = async (count: number, options?: Options) => {
  const seen: number[] = []
  for (let index = 0; index < count; index += 1) seen.push((await ask('hi', options)).status)
  return seen
}

describe('a directive', () => {
  test('in the prompt shapes the answer and is not echoed', async () => {
    const text = await contentOf(await ask('Hello [[sandbox: words=60]] there'))
    expect(text?.split(' ')).toHaveLength(60)
    expect(text).toContain('Hello there')
    expect(text).not.toContain('[[')
    expect(await contentOf(await ask('[[sandbox: bytes=1000]]'))).toHaveLength(1000)
  })

  test('commands the number of text events of a stream', async () => {
    const text = await (await ask('[[sandbox: events=50]]', { stream: true })).text()
    expect(text.match(/"delta":\{"content"/g)).toHaveLength(50)
  })

  test('commands the pace', async () => {
    const startedAt = performance.now()
    await (await ask('[[sandbox: firstByteMs=40 events=3 eventMs=10]]', { stream: true })).text()
    expect(performance.now() - startedAt).toBeGreaterThan(85)
  })

  test('commands a fault, whose members follow its kind', async () => {
    const answer = await ask(
      '[[sandbox: firstByteMs=5 fault=status status=429 retryAfter=3 message="slow down, please"]]',
    )
    expect(answer.status).toBe(429)
    expect(answer.headers.get('retry-after')).toBe('3')
    expect((await bodyOf(answer)).error.message).toBe('slow down, please')
  })

  test('may be JSON, with the arguments of a tool call', async () => {
    const answer = await fetch(`${sandbox.url}/chat/completions`, {
      method: 'POST',
      body: JSON.stringify({
        model: 'm',
        tools: [{ type: 'function', function: { name: 'shell', parameters: {} } }],
        messages: [{ role: 'user', content: '[[sandbox: {"tool":"shell","arguments":{"argv":[["ls"]]}}]]' }],
      }),
    })
    const { choices } = await bodyOf(answer)
    expect(choices[0]?.message.tool_calls?.[0]?.function).toEqual({ name: 'shell', arguments: '{"argv":[["ls"]]}' })
  })

  test('works as model suffix and as header; the prompt wins over both', async () => {
    expect((await ask('hi', { model: 'sandbox-small?fault=status&status=503' })).status).toBe(503)
    expect((await ask('hi', { header: '{"fault":{"kind":"status","status":500}}' })).status).toBe(500)
    const options = { model: 'm?text=model', header: '{"text":"header"}' }
    expect(await contentOf(await ask('hi', options))).toBe('header')
    expect(await contentOf(await ask('[[sandbox: text=prompt]]', options))).toBe('prompt')
  })

  test.each(['[[sandbox: evnts=5]]', '[[sandbox: fault=nonsense]]', '[[sandbox: {"text":]]', '[[sandbox: events=-1]]'])(
    'with an error is refused, never ignored: %s',
    async (prompt) => {
      const answer = await ask(prompt)
      expect(answer.status).toBe(400)
      expect((await bodyOf(answer)).error.code).toBe('invalid_directive')
    },
  )
})

describe('a set fault', () => {
  test('ends after `times`, then the next one strikes, then all is well', async () => {
    sandbox.setFault({ kind: 'status', status: 500, times: 2 })
    sandbox.setFault({ kind: 'status', status: 503, times: 1 })
    expect(await statuses(4)).toEqual([500, 500, 503, 200])
    expect(sandbox.status().faults).toEqual([])
  })

  test('ends after `forSeconds`, to the millisecond, and makes room for the next', async () => {
    let now = 1_000_000
    await using timed = {
      it: await createSandbox({ clock: { now: () => now } }),
      [Symbol.asyncDispose]: () => timed.it.close(),
    }
    timed.it.setFault({ kind: 'status', status: 500, forSeconds: 60 })
    timed.it.setFault({ kind: 'status', status: 503 })
    const status = async () => (await ask('hi', {}, timed.it.url)).status
    now += 59_999
    expect(await status()).toBe(500)
    expect(timed.it.status().faults).toMatchObject([{ endsAtMs: 1_060_000 }, { endsAtMs: null }])
    now += 1
    expect(await status()).toBe(503)
    expect(timed.it.status().faults).toHaveLength(1)
  })

  test('meets only its key and model, and is shown without the key', async () => {
    sandbox.setFault({ kind: 'status', status: 401, key: 'secret-key-1', model: 'a' })
    expect((await ask('hi', { key: 'secret-key-1', model: 'a' })).status).toBe(401)
    expect((await ask('hi', { key: 'secret-key-1', model: 'b' })).status).toBe(200)
    expect((await ask('hi', { key: 'secret-key-2', model: 'a' })).status).toBe(200)
    expect(sandbox.status().faults[0]).toMatchObject({ hits: 1, remaining: null, fault: { key: '…ey-1' } })
  })

  test('with a probability fails the same requests every time', async () => {
    sandbox.setFault({ kind: 'status', status: 500, probability: 0.5 })
    const first = await statuses(20)
    sandbox.clearFaults()
    sandbox.setFault({ kind: 'status', status: 500, probability: 0.5 })
    expect(await statuses(20)).toEqual(first)
    expect(new Set(first)).toEqual(new Set([200, 500]))
  })

  test('that does not exist is refused', () => {
    expect(() => sandbox.setFault({ kind: 'status', status: 200 })).toThrow()
  })

  test('is explained in one line, whatever its kind', () => {
    expect(faultKinds().filter(({ description }) => description === '' || description.includes('\n'))).toEqual([])
  })
})

describe('the server', () => {
  test('remembers the last requests with key and body, up to its bound', async () => {
    const small = await createSandbox({ keepRequests: 2 })
    for (const path of ['/v1/a', '/v1/b', '/v1/models']) await (await fetch(small.url + path)).text()
    expect(small.requests.map(({ path, status }) => [path, status])).toEqual([
      ['/v1/b', 404],
      ['/v1/models', 200],
    ])
    await small.close()
  })

  test('closes while answers are open', async () => {
    const answer = await ask('[[sandbox: fault=stall]]', { stream: true })
    const reading = answer.text().catch(() => 'cut')
    await sandbox.close()
    expect(await reading).toBe('cut')
    expect(sandbox.connections()).toBe(0)
  })

  test('an unknown path is 404, a wrong method 405, a broken body 400', async () => {
    const at = (path: string, init?: RequestInit) => fetch(sandbox.url + path, init).then((answer) => answer.status)
    expect(await at('/v1/nothing')).toBe(404)
    expect(await at('/v1/chat/completions')).toBe(405)
    expect(await at('/v1/chat/completions', { method: 'POST', body: '{"model":' })).toBe(400)
  })
})

test('the inbox keeps the last hundred webhooks, whatever faults are set and keys asked for', async () => {
  sandbox.setFault({ kind: 'status', status: 500 })
  for (let index = 0; index <= 100; index += 1) {
    const headers = index === 0 ? undefined : { 'webhook-id': `m${index}` }
    const answer = await fetch(sandbox.inbox.url, { method: 'POST', body: `{"n":${index}}`, headers })
    expect(answer.status).toBe(204)
  }
  const { messages } = sandbox.inbox
  expect(messages).toHaveLength(100)
  expect(messages[0]).toMatchObject({ id: 'm1', body: '{"n":1}' })
  expect(messages.at(-1)).toMatchObject({ id: 'm100', body: '{"n":100}' })
})
