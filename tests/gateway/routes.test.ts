import { describe, expect, test } from 'vitest'
import { errorOf, type GatewayWorld, sharedGatewayWorld, startGatewayWorld } from '../support/gateway-world.ts'

describe('every address of a route is the same route', () => {
  const worldOf = sharedGatewayWorld()

  test.each(['/v1/chat/completions', '/chat/completions', '/v1/chat/completions/', '/v1/chat/completions?stream=1'])(
    '%s',
    async (path) => {
      const world = worldOf()
      const body = '{"model":"sandbox-small","messages":[{"role":"user","content":"Hello"}]}'
      expect((await world.request(path, { body })).status).toBe(200)
      expect((await world.ledger()).at(-1)).toMatchObject({ endpoint: '/v1/chat/completions' })
    },
  )

  test.each(['/v1/responses', '/responses', '/openai/v1/responses'])('%s', async (path) => {
    const world = worldOf()
    expect((await world.request(path, { body: '{"model":"sandbox-small","input":"Hello"}' })).status).toBe(200)
    expect((await world.ledger()).at(-1)).toMatchObject({ endpoint: '/v1/responses' })
  })
})

test('the description names routes that are there, each with its methods, and nothing of anybody', async () => {
  await using world = await startGatewayWorld()
  const answer = await fetch(`${world.origin}/openapi.json`)
  const { openapi, paths }: { openapi: string; paths: Record<string, Record<string, unknown>> } = await answer.json()
  expect([answer.status, openapi]).toEqual([200, '3.1.0'])
  const told = Object.entries(paths).flatMap(([path, item]) =>
    Object.keys(item)
      .filter((method) => method !== 'parameters')
      .map((method) => ({ path: path.replace('{id}', 'x'), method: method.toUpperCase() })),
  )
  expect(told).toContainEqual({ path: '/v1/responses/x/cancel', method: 'POST' })
  for (const { path, method } of told) {
    // A key that nobody knows is refused by a route, and by nothing else.
    const { status } = await fetch(`${world.origin}${path}`, { method, headers: { authorization: 'Bearer tp-none' } })
    expect({ path, method, status }).toEqual({ path, method, status: 401 })
  }
})

describe('the models that are listed', () => {
  const listed = async (world: GatewayWorld): Promise<string[]> => {
    const { text } = await world.request('/v1/models', { method: 'GET' })
    const { data }: { data: { id: string }[] } = JSON.parse(text)
    return data.map(({ id }) => id)
  }

  test('are those mapped and those stored, without wildcards, of all accounts of the group', async () => {
    await using world = await startGatewayWorld({
      accounts: [
        { models: ['b', 'vendor/a'], modelMapping: { '*': 'b' } },
        { models: ['b'], modelMapping: { c: 'x', 'd-*': 'y' } },
        { models: ['hidden'], status: 'disabled' },
      ],
    })
    expect(await listed(world)).toEqual(['b', 'c', 'vendor/a'])
    const one = await world.request('/v1/models/vendor/a', { method: 'GET' })
    expect(JSON.parse(one.text)).toMatchObject({ id: 'vendor/a', object: 'model' })
    const none = await world.request('/v1/models/hidden', { method: 'GET' })
    expect([none.status, errorOf(none)]).toMatchObject([404, { code: 'model_not_found', param: 'model' }])
  })

  test('are those that group and key both may use', async () => {
    await using world = await startGatewayWorld({
      accounts: [{ models: ['a', 'b', 'c'] }],
      group: { models: ['a', 'b'] },
      key: { models: ['b', 'c'] },
    })
    expect(await listed(world)).toEqual(['b'])
  })
})

describe('pages of other origins', () => {
  const ask = (world: GatewayWorld, origin: string, method = 'POST') =>
    fetch(`${world.origin}/v1/chat/completions`, {
      method,
      headers: { origin, 'access-control-request-headers': 'authorization', authorization: `Bearer ${world.key}` },
      ...(method === 'POST' && { body: '{"model":"sandbox-small","messages":[{"role":"user","content":"Hello"}]}' }),
    })

  test('may call where they are configured', async () => {
    await using world = await startGatewayWorld({ corsOrigins: ['https://app.example'] })
    const asked = await ask(world, 'https://app.example', 'OPTIONS')
    expect(asked.status).toBe(204)
    expect(asked.headers.get('access-control-allow-headers')).toBe('authorization')
    const answer = await ask(world, 'https://app.example')
    for (const { headers } of [asked, answer]) {
      expect(headers.get('access-control-allow-origin')).toBe('https://app.example')
      expect(headers.get('access-control-allow-credentials')).toBeNull()
      expect(headers.get('vary')).toBe('Origin')
    }
    expect(answer.status).toBe(200)
    await answer.text()
  })

  test.each([[['https://app.example']], [[]]])('may not else (%j)', async (corsOrigins) => {
    await using world = await startGatewayWorld({ corsOrigins })
    for (const method of ['OPTIONS', 'POST']) {
      const answer = await ask(world, 'https://evil.example', method)
      expect(answer.headers.get('access-control-allow-origin')).toBeNull()
      await answer.text()
    }
  })
})
