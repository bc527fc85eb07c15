import { users } from '@turnpike/db/schema'
import OpenAI from 'openai'
import { describe, expect, test } from 'vitest'
import { errorOf, type GatewayWorld, sharedGatewayWorld, startGatewayWorld } from '../support/gateway-world.ts'
import { startRawUpstream } from '../support/raw-upstream.ts'
import { waitFor } from '../support/wait-for.ts'

async function makeResponse(world: GatewayWorld, body: object = {}): Promise<string> {
  const made = await world.responses(body)
  expect(made.status).toBe(200)
  const { id }: { id: string } = JSON.parse(made.text)
  return id
}

/** Which sandbox was asked to go on from a response. */
function askedToGoOn(world: GatewayWorld, id: string): number[] {
  return world.sandboxes.flatMap(({ requests }, index) =>
    requests.filter(({ body }) => body.includes(`"previous_response_id":"${id}"`)).map(() => index),
  )
}

async function secondUserKey(world: GatewayWorld): Promise<string> {
  const [user] = await world.db
    .insert(users)
    .values({ email: `${crypto.randomUUID()}@example.com` })
    .returning()
  const key = await world.addKey({ userId: user?.id ?? 0 })
  await world.gateway.reload()
  return key
}

/** The answer of a path, without what may differ: its id. */
async function refusal(world: GatewayWorld, id: string, apiKey = world.key) {
  const continued = await world.responses({ previous_response_id: id }, { apiKey })
  const read = await world.request(`/v1/responses/${encodeURIComponent(id)}`, { method: 'GET', apiKey })
  const texts = [continued, read].map(({ status, text }) => ({ status, text: text.replaceAll(id, 'ID') }))
  return { continued, read, texts }
}

describe('a response is gone on from where it was made', () => {
  test('by the account that made it, among many', async () => {
    await using world = await startGatewayWorld({ accounts: [{}, {}, {}, {}] })
    for (let turn = 0; turn < 8; turn++) {
      const id = await makeResponse(world, { input: `turn ${turn}` })
      const makers = world.sandboxes.map(({ requests }) => requests.some(({ body }) => body.includes(`turn ${turn}"`)))
      expect((await world.responses({ previous_response_id: id })).status).toBe(200)
      expect(askedToGoOn(world, id)).toEqual([makers.indexOf(true)])
    }
    const { decision } = (await world.ledger()).at(-1) ?? {}
    expect(decision?.rule).toBe('response')
    expect(decision?.candidates.map(({ reason }) => reason)).toEqual([null, 'not_maker', 'not_maker', 'not_maker'])
  })

  test('a streamed one too, as soon as its first event is there', async () => {
    await using world = await startGatewayWorld({ accounts: [{}, {}] })
    const response = await fetch(`${world.origin}/v1/responses`, {
      method: 'POST',
      headers: { authorization: `Bearer ${world.key}` },
      body: '{"model":"sandbox-small","stream":true,"input":"[[sandbox: events=20 eventMs=50]]"}',
    })
    const reader = response.body?.getReader()
    const { value } = (await reader?.read()) ?? {}
    const [id = ''] = /resp_[a-z0-9]+/.exec(new TextDecoder().decode(value)) ?? []
    expect((await world.responses({ previous_response_id: id })).status).toBe(200)
    await reader?.cancel()
  })

  test('from another group of the same user, where the account serves it too', async () => {
    await using world = await startGatewayWorld()
    const id = await makeResponse(world)
    expect((await world.responses({ previous_response_id: id }, { apiKey: await world.addKey() })).status).toBe(200)
  })

  test('after a restart, from the ledger', async () => {
    await using world = await startGatewayWorld({ accounts: [{}, {}] })
    const id = await makeResponse(world)
    await world.ledger()
    const [row] = await world.sql`select user_id, account_id from usage_logs where upstream_response_id = ${id}`
    expect(row).toBeDefined()
    const request = await world.restarted()
    const body = JSON.stringify({ model: 'sandbox-small', input: 'Hello', previous_response_id: id })
    const stranger = await secondUserKey(world)
    expect((await request('/v1/responses', { body, apiKey: stranger })).status).toBe(400)
    expect((await request('/v1/responses', { body })).status).toBe(200)
    expect(JSON.parse((await request(`/v1/responses/${id}`, { method: 'GET' })).text)).toMatchObject({ id })
    expect((await request(`/v1/responses/${id}`, { method: 'GET', apiKey: stranger })).status).toBe(404)
  })

  test('never elsewhere: where its account fails or cools, nobody stands in', async () => {
    await using world = await startGatewayWorld({ accounts: [{ priority: 1 }, { priority: 2 }] })
    const id = await makeResponse(world)
    world.setFault({ kind: 'status', status: 500, times: 1 })
    const failed = await world.responses({ previous_response_id: id })
    expect([failed.status, errorOf(failed).code]).toEqual([502, 'upstream_unavailable'])
    world.setFault({ kind: 'status', status: 403, times: 1 })
    await world.responses({ previous_response_id: id })
    const cooling = await world.responses({ previous_response_id: id })
    expect([cooling.status, errorOf(cooling).code]).toEqual([503, 'no_available_accounts'])
    expect(Number(cooling.headers.get('retry-after'))).toBeGreaterThan(50)
    expect(askedToGoOn(world, id)).toEqual([0, 0])
    expect((await world.responses()).status).toBe(200)
  })

  test('a full account is waited for although another is free', async () => {
    await using world = await startGatewayWorld({ accounts: [{ priority: 1, concurrency: 1 }, { priority: 2 }] })
    const id = await makeResponse(world)
    const busy = world.responses({ input: '[[sandbox: firstByteMs=2000]]' })
    const before = performance.now()
    await waitFor('the account to be busy', () => world.sandboxes[0]?.status().inFlight === 1, 5_000)
    const continued = await world.responses({ previous_response_id: id })
    await busy
    expect(continued.status).toBe(200)
    expect(performance.now() - before).toBeGreaterThan(1_900)
    expect(askedToGoOn(world, id)).toEqual([0])
  })
})

describe('an id that is not the caller’s to use', () => {
  const worldOf = sharedGatewayWorld()

  test('looks the same whether nobody knows it or it is another user’s', async () => {
    const world = worldOf()
    const id = await makeResponse(world)
    const stranger = await secondUserKey(world)
    const foreign = await refusal(world, id, stranger)
    const unknown = await refusal(world, 'resp_nobody_ever_made_this_one', stranger)
    expect(foreign.texts).toEqual(unknown.texts)
    expect({ status: foreign.continued.status, ...errorOf(foreign.continued) }).toEqual({
      status: 400,
      message: `Previous response with id '${id}' not found.`,
      type: 'invalid_request_error',
      param: 'previous_response_id',
      code: 'previous_response_not_found',
    })
    expect({ status: foreign.read.status, ...errorOf(foreign.read) }).toEqual({
      status: 404,
      message: `Response with id '${id}' not found.`,
      type: 'invalid_request_error',
      param: null,
      code: null,
    })
    const names = (headers: Headers) => [...headers.keys()].sort()
    expect(names(foreign.continued.headers)).toEqual(names(unknown.continued.headers))
    expect(world.sandboxes[0]?.requests.filter(({ path }) => path.includes(id))).toEqual([])
  })

  test.each([
    ['DELETE', ''],
    ['POST', '/cancel'],
    ['GET', '/input_items'],
    ['GET', '?stream=true'],
  ])('%s …%s reaches no upstream', async (method, rest) => {
    const world = worldOf()
    const id = await makeResponse(world)
    const answer = await world.request(`/v1/responses/${id}${rest}`, { method, apiKey: await secondUserKey(world) })
    expect([answer.status, errorOf(answer).message]).toEqual([404, `Response with id '${id}' not found.`])
    expect((await world.request(`/v1/responses/${id}`, { method: 'GET' })).status).toBe(200)
  })

  test.each([
    '..',
    '%2e%2e%2fmodels',
    'resp_x%2fcancel',
    'resp_x%3fstream=true',
    'resp_x%0d%0aX-Evil:1',
    'resp_%00',
    '%F0%9F%92%A9',
    `resp_${'x'.repeat(2_000)}`,
    "resp_' or 1=1--",
  ])('hostile as %s is only an id that nobody knows', async (id) => {
    const world = worldOf()
    const asked = world.sandboxes[0]?.status().requests
    for (const [method, rest] of [
      ['GET', ''],
      ['DELETE', ''],
      ['POST', '/cancel'],
      ['GET', '/input_items'],
    ]) {
      const answer = await world.request(`/v1/responses/${id}${rest}`, { method })
      expect([404, 405]).toContain(answer.status)
      expect(answer.text.length).toBeLessThan(400)
    }
    const continued = await world.responses({ previous_response_id: decodeURIComponent(id) })
    expect([continued.status, errorOf(continued).code]).toEqual([400, 'previous_response_not_found'])
    expect(continued.text).toMatch(/^[\x20-\x7e]{1,400}$/)
    expect(world.sandboxes[0]?.status().requests).toBe(asked)
  })

  test('is unknown once its account has left the group', async () => {
    await using world = await startGatewayWorld({ accounts: [{ priority: 1 }, { priority: 2 }] })
    const id = await makeResponse(world)
    await world.sql`delete from account_groups where account_id = ${world.accountIds[0] ?? 0}`
    await world.gateway.reload()
    expect((await refusal(world, id)).texts).toEqual((await refusal(world, 'resp_unknown')).texts)
  })

  test('asks for the key like every other request', async () => {
    const world = worldOf()
    for (const path of ['/v1/responses/resp_1', '/responses/resp_1', '/openai/v1/responses/resp_1']) {
      const answer = await world.request(path, { method: 'GET', apiKey: null })
      expect([answer.status, errorOf(answer).code]).toEqual([401, 'invalid_api_key'])
    }
    const wrongMethod = await world.request('/v1/responses/resp_1', { method: 'PUT' })
    expect([wrongMethod.status, errorOf(wrongMethod).code]).toEqual([405, 'method_not_allowed'])
  })
})

describe('a stored response', () => {
  test('is known by every client of its owner: the official SDK reads, lists, cancels, deletes', async () => {
    await using world = await startGatewayWorld({ accounts: [{}, {}, {}] })
    const openai = new OpenAI({ apiKey: world.key, baseURL: `${world.origin}/v1`, maxRetries: 0 })
    const first = await openai.responses.create({ model: 'sandbox-small', input: 'Good morning' })
    const second = await openai.responses.create({
      model: 'sandbox-small',
      input: 'And again',
      previous_response_id: first.id,
    })
    expect(second.previous_response_id).toBe(first.id)
    expect((await openai.responses.retrieve(first.id)).output_text).toBe(first.output_text)
    const items = await openai.responses.inputItems.list(first.id, { limit: 5, order: 'asc' })
    expect(items.data[0]).toMatchObject({ role: 'user' })
    await expect(openai.responses.cancel(first.id)).rejects.toMatchObject({ status: 400 })
    await openai.responses.delete(first.id)
    await expect(openai.responses.retrieve(first.id)).rejects.toMatchObject({ status: 404 })
    const asked = world.sandboxes.flatMap(({ requests }) => requests.map(({ path }) => path))
    expect(asked).toContain(`/v1/responses/${first.id}/input_items?limit=5&order=asc`)
    expect((await world.ledger()).map(({ endpoint }) => endpoint)).toEqual(['/v1/responses', '/v1/responses'])
  })

  test('is streamed again from where the caller says', async () => {
    await using world = await startGatewayWorld()
    const openai = new OpenAI({ apiKey: world.key, baseURL: `${world.origin}/v1`, maxRetries: 0 })
    const id = await makeResponse(world)
    const numbers: number[] = []
    for await (const event of await openai.responses.retrieve(id, { stream: true, starting_after: 3 })) {
      numbers.push(event.sequence_number)
    }
    expect(numbers[0]).toBe(4)
    expect(numbers).toEqual(numbers.map((_, index) => index + 4))
  })

  test('keeps the name the caller gave its model', async () => {
    await using world = await startGatewayWorld({ accounts: [{ modelMapping: { mine: 'sandbox-small' } }] })
    const id = await makeResponse(world, { model: 'mine' })
    expect(JSON.parse((await world.request(`/v1/responses/${id}`, { method: 'GET' })).text).model).toBe('mine')
  })

  test('of an upstream that fails is refused as every answer is, and only known parameters go there', async () => {
    await using upstream = await startRawUpstream((response, { path }) => {
      if (path === '/v1/responses')
        response.writeHead(200, { 'content-type': 'application/json' }).end('{"id":"resp_1","output":[]}')
      else response.writeHead(401, { 'set-cookie': 'a=b' }).end('{"error":{"message":"secret org name"}}')
    })
    await using world = await startGatewayWorld({ accounts: [{ baseUrl: upstream.baseUrl }] })
    const id = await makeResponse(world)
    const answer = await world.request(`/v1/responses/${id}?include[]=a%26b&evil=1&limit=1`, {
      method: 'GET',
      headers: { cookie: 'x=y', 'x-forwarded-host': 'evil' },
    })
    expect([answer.status, errorOf(answer).code]).toEqual([502, 'upstream_auth'])
    expect(answer.headers.get('set-cookie')).toBeNull()
    const last = upstream.requests.at(-1)
    expect(last?.path).toBe('/v1/responses/resp_1?include%5B%5D=a%26b&limit=1')
    expect(last?.headers).not.toHaveProperty('cookie')
    expect(last?.headers).not.toHaveProperty('x-forwarded-host')
    expect(last?.headers.authorization).toBe('Bearer upstream-secret')
  })
})
