import { settings } from '@turnpike/db/schema'
import { describe, expect, test } from 'vitest'
import { type Answered, errorOf, type GatewayWorld, startGatewayWorld } from '../support/gateway-world.ts'
import { sendJson, startRawUpstream } from '../support/raw-upstream.ts'

type Options = NonNullable<Parameters<typeof startGatewayWorld>[0]>

describe('addresses of a key', () => {
  const ROUTES: [string, (world: GatewayWorld) => Promise<Answered>][] = [
    ['chat', (w) => w.chat()],
    ['responses', (w) => w.responses({ stream: true })],
    ['the models', (w) => w.request('/v1/models', { method: 'GET' })],
    ['one model', (w) => w.request('/v1/models/sandbox-small', { method: 'GET' })],
    ['the usage', (w) => w.request('/v1/usage', { method: 'GET' })],
  ]

  test.each(ROUTES)('a stranger is refused at %s', async (_, ask) => {
    await using world = await startGatewayWorld({ key: { cidrs: ['10.0.0.0/8', '2001:db8::/32'] } })
    const answer = await ask(world)
    expect(answer.status).toBe(403)
    expect(errorOf(answer)).toEqual({
      message: 'This API key cannot be used from this address',
      type: 'permission_error',
      param: null,
      code: 'ip_not_allowed',
    })
    expect(answer.headers.get('x-should-retry')).toBe('false')
    expect(world.sandboxes[0]?.requests).toEqual([])
    expect(await world.ledger()).toEqual([])
  })

  test.each([
    ['its address', ['192.0.2.1', '127.0.0.1'], 200],
    ['its network', ['127.0.0.0/8'], 200],
    ['its address, written as IPv6', ['::ffff:127.0.0.1'], 200],
    ['every IPv4 address', ['0.0.0.0/0'], 200],
    ['every IPv6 address', ['::/0'], 403],
    ['nothing that makes sense', ['everywhere', '127/8', '0127.0.0.1'], 403],
    ['nothing that makes sense beside its own', ['everywhere', '127.0.0.1'], 200],
  ])('a caller is judged by %s', async (_, cidrs, status) => {
    await using world = await startGatewayWorld({ key: { cidrs } })
    expect((await world.chat()).status).toBe(status)
  })

  test.each<[string, Options, (world: GatewayWorld) => Promise<Answered>, string]>([
    ['after the route', {}, (w) => w.request('/v1/nothing'), 'unknown_route'],
    ['after the key', { key: { status: 'disabled' } }, (w) => w.chat(), 'invalid_api_key'],
    ['before the group', { group: { status: 'disabled' } }, (w) => w.chat(), 'ip_not_allowed'],
    ['before the body', {}, (w) => w.request('/v1/chat/completions', { body: '[' }), 'ip_not_allowed'],
    ['before the model', { key: { models: ['other'] } }, (w) => w.chat(), 'ip_not_allowed'],
    ['before the rates', { key: { tokensPerMinute: 1 } }, (w) => w.chat(), 'ip_not_allowed'],
  ])('come %s', async (_, options, ask, code) => {
    await using world = await startGatewayWorld({ ...options, key: { ...options.key, cidrs: ['10.0.0.0/8'] } })
    expect(errorOf(await ask(world)).code).toBe(code)
  })

  test('are in force within a second of their change', async () => {
    await using world = await startGatewayWorld()
    expect((await world.chat()).status).toBe(200)
    await world.sql`update api_keys set cidrs = '{10.0.0.0/8}'`
    const status = async () => (await world.chat()).status
    await expect.poll(status, { timeout: 20_000, interval: 20 }).toBe(403)
  })
})

test('precedence: body, model, rates, waiting room, account', async () => {
  await using world = await startGatewayWorld({
    key: { models: ['sandbox-small'], tokensPerMinute: 1 },
    group: { onBusy: 'fail' },
    accounts: [{ status: 'disabled' }],
  })
  const code = async (answer: Promise<Answered>) => errorOf(await answer).code
  expect(await code(world.request('/v1/chat/completions', { body: '{"model":"other"' }))).toBe('body_invalid')
  expect(await code(world.chat({ model: 'other' }))).toBe('model_not_found')
  expect(await code(world.chat())).toBe('tokens_per_minute')
  await world.sql`update api_keys set tokens_per_minute = null`
  await expect.poll(() => code(world.chat()), { timeout: 20_000, interval: 20 }).toBe('no_available_accounts')
})

test('models are those that group and key both allow, asked for and listed', async () => {
  await using world = await startGatewayWorld({
    accounts: [{ models: ['a', 'b', 'c'], modelMapping: { d: 'sandbox-small', '*': 'sandbox-small' } }],
    group: { models: ['a', 'b', 'd'] },
    key: { models: ['b', 'c', 'd', 'e'] },
  })
  const { text } = await world.request('/v1/models', { method: 'GET' })
  expect(JSON.parse(text).data.map(({ id }: { id: string }) => id)).toEqual(['b', 'd'])
  for (const [id, status] of [
    ['a', 404],
    ['b', 200],
    ['c', 404],
    ['d', 200],
    ['e', 404],
  ] as const) {
    expect([id, (await world.request(`/v1/models/${id}`, { method: 'GET' })).status]).toEqual([id, status])
  }
  for (const model of ['a', 'c', 'e']) expect([model, (await world.chat({ model })).status]).toEqual([model, 404])
  expect((await world.chat({ model: 'd' })).status).toBe(200)
})

describe('instructions of a group', () => {
  const OURS = 'Be kind.\n"Always" – été'
  const JSON_OURS = JSON.stringify(OURS)
  const ANSWER = '{"id":"resp_1","object":"response","status":"completed","output":[]}'
  const CHAT_ANSWER =
    '{"id":"c","choices":[{"index":0,"message":{"role":"assistant","content":"x"},"finish_reason":"stop"}]}'

  /** What reached the upstream of each body, in turn. */
  async function forwarded(
    options: { mode: 'off' | 'fill' | 'override'; protocol?: 'chat' | 'responses+chat'; path?: string },
    bodies: string[],
    { headers = {}, prepare = async () => {} }: { headers?: Record<string, string>; prepare?: Prepare } = {},
  ): Promise<string[]> {
    const { mode, protocol = 'responses+chat', path = '/v1/responses' } = options
    await using upstream = await startRawUpstream((response, { path: asked }) =>
      sendJson(response, asked.endsWith('/responses') ? ANSWER : CHAT_ANSWER),
    )
    await using world = await startGatewayWorld({
      accounts: [{ baseUrl: upstream.baseUrl, protocol }],
      group: { instructionsMode: mode, instructionsText: OURS },
    })
    await prepare(world)
    for (const body of bodies) expect((await world.request(path, { body, headers })).status).toBe(200)
    return upstream.requests.map(({ body }) => body)
  }
  type Prepare = (world: GatewayWorld) => Promise<unknown>

  const REST = '"model" : "m",\t"seed":12345678901234567890, "x":1.0e+2,"input":"été"'
  const ABSENT = `{${REST}}`
  const EMPTY = `{${REST},"instructions": ""}`
  const NULL = `{"instructions":null,${REST}}`
  const GIVEN = `{${REST}, "instructions":"mine"}`

  test('fill what is absent or empty, and leave every other byte', async () => {
    expect(await forwarded({ mode: 'fill' }, [ABSENT, EMPTY, NULL, GIVEN])).toEqual([
      `{"instructions":${JSON_OURS},${REST}}`,
      `{${REST},"instructions": ${JSON_OURS}}`,
      `{"instructions":${JSON_OURS},${REST}}`,
      GIVEN,
    ])
  })

  test('override what is given', async () => {
    expect(await forwarded({ mode: 'override' }, [ABSENT, GIVEN])).toEqual([
      `{"instructions":${JSON_OURS},${REST}}`,
      `{${REST}, "instructions":${JSON_OURS}}`,
    ])
  })

  test('are off unless a group says otherwise', async () => {
    expect(await forwarded({ mode: 'off' }, [ABSENT, EMPTY, GIVEN])).toEqual([ABSENT, EMPTY, GIVEN])
  })

  test('are said to an account that speaks chat only', async () => {
    const [filled, given] = await forwarded({ mode: 'fill', protocol: 'chat' }, [ABSENT, GIVEN])
    expect(JSON.parse(filled ?? '').messages).toEqual([
      { role: 'system', content: OURS },
      { role: 'user', content: 'été' },
    ])
    expect(JSON.parse(given ?? '').messages[0]).toEqual({ role: 'system', content: 'mine' })
  })

  test('are nothing to a chat request', async () => {
    const body = '{"model":"m","messages":[{"role":"user","content":"x"}]}'
    expect(await forwarded({ mode: 'override', path: '/v1/chat/completions' }, [body])).toEqual([body])
  })

  test.each([
    'codex_cli_rs/0.59.0 (Ubuntu 24.04; x86_64) tmux/3.4',
    'codex_vscode/0.169.0',
    'codex_exec/0.169.0 (Debian 12.0.0; x86_64)',
    'codex-tui/0.145.0',
  ])('never touch what %s sends', async (userAgent) => {
    const headers = { 'user-agent': userAgent }
    expect(await forwarded({ mode: 'override' }, [ABSENT, GIVEN], { headers })).toEqual([ABSENT, GIVEN])
  })

  test('the family is what the settings say; one that makes no sense leaves the default', async () => {
    const store = (value: unknown) => async (world: GatewayWorld) => {
      await world.db.insert(settings).values({ key: 'gateway.codexUserAgents', value })
      await world.gateway.reload()
    }
    const mine = { 'user-agent': 'mine/1' }
    const codex = { 'user-agent': 'codex_cli_rs/1' }
    const ours = `{"instructions":${JSON_OURS},${REST}}`
    expect(await forwarded({ mode: 'fill' }, [ABSENT], { headers: mine, prepare: store(['mine/']) })).toEqual([ABSENT])
    expect(await forwarded({ mode: 'fill' }, [ABSENT], { headers: codex, prepare: store(['mine/']) })).toEqual([ours])
    expect(await forwarded({ mode: 'fill' }, [ABSENT], { headers: codex, prepare: store('mine/') })).toEqual([ABSENT])
  })

  test('are in force within a second of their change', async () => {
    await using upstream = await startRawUpstream((response) => sendJson(response, ANSWER))
    await using world = await startGatewayWorld({ accounts: [{ baseUrl: upstream.baseUrl }] })
    await world.sql`update groups set instructions_mode = 'fill', instructions_text = 'Ours'`
    const asked = async () => {
      await world.responses()
      return JSON.parse(upstream.requests.at(-1)?.body ?? '{}').instructions
    }
    await expect.poll(asked, { timeout: 20_000, interval: 20 }).toBe('Ours')
  })
})

test("the caller's own mistakes are not worth a retry, whatever their status", async () => {
  await using world = await startGatewayWorld()
  for (const status of [400, 404, 409, 422]) {
    world.setFault({ kind: 'status', status, code: 'his_fault', times: 1 })
    const answer = await world.chat()
    expect([answer.status, answer.headers.get('x-should-retry')]).toEqual([status, 'false'])
  }
})
