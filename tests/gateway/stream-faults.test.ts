import { beforeAll, describe, expect, test } from 'vitest'
import { type GatewayWorld, startGatewayWorld } from '../support/gateway-world.ts'
import { readStrictly } from '../support/read-stream.ts'
import { waitFor } from '../support/wait-for.ts'

type Fault = Parameters<GatewayWorld['setFault']>[0]

const WHOLE = 'Hello from the sandbox! You wrote: “Hello” – and every word of it arrived safely.'
/** Longer than a busy machine stands still. */
const TIMEOUTS = { firstByteTimeoutMs: 4_000, idleTimeoutMs: 2_500 }

beforeAll(async () => {
  // The tokenizers of gateway and sandbox take their time once.
  await using world = await startGatewayWorld()
  await world.chat()
})

describe.concurrent.each(['chat', 'responses'] as const)('a %s stream', (protocol) => {
  test.each<[string, Fault, string, string]>([
    ['cut by FIN', { kind: 'cut', afterEvents: 6 }, 'upstream_invalid_response', 'upstream_cut'],
    ['cut inside an event', { kind: 'cut', afterBytes: 3_001 }, 'upstream_invalid_response', 'upstream_cut'],
    [
      'silent but for pings',
      { kind: 'stall', afterEvents: 6, pingEveryMs: 100 },
      'upstream_stalled',
      'upstream_stalled',
    ],
  ])('%s ends with one error event, and what came before stands', async (_, fault, code, outcome) => {
    await using world = await startGatewayWorld({ group: TIMEOUTS })
    world.setFault(fault)
    const answer = await world[protocol]({ stream: true })
    expect(answer.status).toBe(200)
    const read = readStrictly(answer.text, protocol)
    expect(read).toMatchObject({ end: 'error', code })
    expect(WHOLE.startsWith(read.text)).toBe(true)
    const [row, ...more] = await world.ledger()
    expect(more).toEqual([])
    expect(row).toMatchObject({ outcome, estimated: true })
    await expectNothingHeld(world)
  })

  test.each<[string, Fault]>([
    ['an error as first event', { kind: 'error_event', code: 'rate_limit_exceeded' }],
    ['overload as first event', { kind: 'error_event', code: 'server_is_overloaded' }],
    ['a used-up quota as first event', { kind: 'error_event', code: 'insufficient_quota' }],
    ['no first byte', { kind: 'no_answer' }],
    ['headers and then nothing', { kind: 'headers_only' }],
    ['headers and then pings', { kind: 'headers_only', pingEveryMs: 100 }],
    ['a cut before headers', { kind: 'cut' }],
    ['a bomb of headers', { kind: 'header_bomb' }],
  ])('is taken over by another account after %s', async (_, fault) => {
    await using world = await startGatewayWorld({ accounts: [{ priority: 1 }, { priority: 2 }], group: TIMEOUTS })
    world.setFault(fault, 0)
    const answer = await world[protocol]({ stream: true })
    expect(readStrictly(answer.text, protocol)).toMatchObject({ end: 'done', text: WHOLE })
    expect(answer.headers.get('x-turnpike-attempts')).toBe('2')
    expect(await world.ledger()).toMatchObject([{ outcome: 'completed', accountId: world.accountIds[1] }])
    await expectNothingHeld(world)
  })

  test('is never started again once something of it was told', async () => {
    await using world = await startGatewayWorld({ accounts: [{ priority: 1 }, { priority: 2 }], group: TIMEOUTS })
    world.setFault({ kind: 'cut', afterEvents: 6 }, 0)
    expect(readStrictly((await world[protocol]({ stream: true })).text, protocol)).toMatchObject({ end: 'error' })
    expect(world.sandboxes[1]?.requests).toEqual([])
  })
})

async function expectNothingHeld({ gateway, sandboxes }: GatewayWorld): Promise<void> {
  expect(gateway.stats()).toMatchObject({ heldSlots: 0, leaks: 0 })
  const isQuiet = () => sandboxes.every((sandbox) => sandbox.status().inFlight === 0)
  await waitFor('the upstreams to be left alone', isQuiet, 5_000)
}
