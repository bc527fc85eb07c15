import { createSandbox } from '@turnpike/sandbox'
import { expect, test } from 'vitest'
import { trpcWorld } from '../../testing/trpc-world.ts'
import { MAX_FAULT_BYTES, MAX_FAULT_SECONDS } from './fault-input.ts'
import { MAX_FAULTS } from './sandbox-control.ts'

const START_MS = Date.UTC(2026, 0, 1)

/** Where time stands still until it is told to go on. */
async function drillWorld() {
  await using opening = new AsyncDisposableStack()
  let now = START_MS
  const sandbox = await createSandbox({ clock: { now: () => now } })
  opening.defer(() => sandbox.close())
  const world = opening.use(await trpcWorld({ sandbox }))
  const { cookie } = await world.signIn('operator')
  const opened = opening.move()
  return {
    world,
    cookie,
    sandbox,
    advance(ms: number): void {
      now += ms
    },
    ask: async () =>
      (await fetch(`${sandbox.url}/v1/embeddings`, { method: 'POST', body: '{"model":"m","input":"x"}' })).status,
    [Symbol.asyncDispose]: () => opened.disposeAsync(),
  }
}

test('a fault strikes until its time is over: five minutes where none was said', async () => {
  await using drill = await drillWorld()
  const { world, cookie } = drill
  const { data } = await world.post('sandbox.setFault', { cookie, input: { kind: 'status', status: 503 } })
  expect(data).toMatchObject({
    isRunning: true,
    faults: [{ kind: 'status', hits: 0, remaining: null, endsAt: '2026-01-01T00:05:00.000Z' }],
  })
  expect(await drill.ask()).toBe(503)
  drill.advance(299_999)
  expect(await drill.ask()).toBe(503)
  drill.advance(1)
  expect(await drill.ask()).toBe(200)
  expect((await world.get('sandbox.status', { cookie })).data).toMatchObject({ requests: 3, faults: [] })
})

test('clearing ends every fault at once; both acts are audited, and an upstream’s key is not', async () => {
  await using drill = await drillWorld()
  const { world, cookie } = drill
  await world.post('sandbox.setFault', { cookie, input: { kind: 'no_answer', key: 'upstream-secret', forSeconds: 60 } })
  await world.post('sandbox.setFault', { cookie, input: { kind: 'status', status: 500 } })
  expect(await drill.ask()).toBe(500)
  expect((await world.post('sandbox.clear', { cookie })).data).toMatchObject({ faults: [] })
  expect(await drill.ask()).toBe(200)
  const { cookie: admin } = await world.signIn('admin')
  const { text } = await world.get('audit.list', { cookie: admin, input: { targetType: 'sandbox' } })
  expect(JSON.parse(text).result.data.items).toMatchObject([
    { action: 'sandbox.clear', change: { cleared: ['no_answer', 'status'] } },
    { action: 'sandbox.setFault', change: { kind: 'status', status: 500, forSeconds: 300, isAimedAtKey: false } },
    { action: 'sandbox.setFault', change: { kind: 'no_answer', forSeconds: 60, isAimedAtKey: true } },
  ])
  expect(text).not.toContain('upstream-secret')
})

test('every kind that the sandbox knows can be set', async () => {
  await using drill = await drillWorld()
  const { world, cookie } = drill
  const { data } = await world.get('sandbox.status', { cookie })
  const kinds = Reflect.get(Object(data), 'kinds') as { kind: string }[]
  expect(kinds.length).toBeGreaterThan(20)
  for (const { kind } of kinds) {
    const input = kind === 'status' ? { kind, status: 429 } : { kind }
    expect([kind, (await world.post('sandbox.setFault', { cookie, input })).status]).toEqual([kind, 200])
    await world.post('sandbox.clear', { cookie })
  }
})

test.each([
  ['a time', { kind: 'empty', forSeconds: MAX_FAULT_SECONDS }, { forSeconds: MAX_FAULT_SECONDS + 1 }, 'forSeconds'],
  ['a size', { kind: 'huge_line', bytes: MAX_FAULT_BYTES }, { bytes: MAX_FAULT_BYTES + 1 }, 'bytes'],
])('%s has its bound, and one more is refused at its field', async (_what, input, more, field) => {
  await using drill = await drillWorld()
  const { world, cookie } = drill
  expect(await world.post('sandbox.setFault', { cookie, input })).toMatchObject({ status: 200 })
  expect(await world.post('sandbox.setFault', { cookie, input: { ...input, ...more } })).toMatchObject({
    status: 400,
    error: { data: { reason: 'invalid_input', field } },
  })
})

test('what its inbox took is told by its id, and of what it said nothing', async () => {
  await using drill = await drillWorld()
  const { world, cookie, sandbox } = drill
  await fetch(sandbox.inbox.url, { method: 'POST', headers: { 'webhook-id': 'm1' }, body: 'a secret' })
  const { data, text } = await world.get('sandbox.status', { cookie })
  expect(data).toMatchObject({
    inbox: { url: sandbox.inbox.url, messages: [{ at: '2026-01-01T00:00:00.000Z', id: 'm1' }] },
  })
  expect(text).not.toContain('a secret')
})

test('so many faults are set at once and no more', async () => {
  await using drill = await drillWorld()
  const { world, cookie } = drill
  const set = async () => (await world.post('sandbox.setFault', { cookie, input: { kind: 'empty' } })).status
  for (let index = 0; index < MAX_FAULTS; index += 1) expect(await set()).toBe(200)
  expect(await set()).toBe(409)
})

test('where no sandbox runs, its status says so and there is nothing to command', async () => {
  await using world = await trpcWorld()
  const { cookie } = await world.signIn('operator')
  expect((await world.get('sandbox.status', { cookie })).data).toMatchObject({
    isRunning: false,
    faults: [],
    inbox: null,
  })
  const input = { kind: 'empty' }
  expect(await world.post('sandbox.setFault', { cookie, input })).toMatchObject({ status: 409 })
  expect(await world.post('sandbox.clear', { cookie })).toMatchObject({ status: 409 })
})
