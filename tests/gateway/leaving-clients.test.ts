import { connect } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { countTokens } from '@turnpike/core/billing/count-tokens'
import type { FaultInput } from '@turnpike/sandbox'
import { request } from 'undici'
import { describe, expect, test } from 'vitest'
import { type GatewayWorld, startGatewayWorld } from '../support/gateway-world.ts'
import { startRawUpstream } from '../support/raw-upstream.ts'

type Protocol = 'chat' | 'responses'

const PATHS = { chat: '/v1/chat/completions', responses: '/v1/responses' }

function bodyOf(stream: boolean, directive = ''): string {
  const prompt = `Hello [[sandbox: ${directive}]]`
  return JSON.stringify({
    model: 'sandbox-small',
    stream,
    messages: [{ role: 'user', content: prompt }],
    input: prompt,
  })
}

async function expectNothingRuns({ gateway, sandboxes }: GatewayWorld): Promise<void> {
  await expect.poll(() => gateway.gauges().inFlight, { timeout: 40_000 }).toBe(0)
  expect(gateway.stats()).toMatchObject({ heldSlots: 0, leaks: 0 })
  for (const sandbox of sandboxes) await expect.poll(() => sandbox.status().inFlight, { timeout: 40_000 }).toBe(0)
}

/** No call was answered to its end, so no connection can be used again. */
async function expectAllCancelled(world: GatewayWorld): Promise<void> {
  await expectNothingRuns(world)
  for (const sandbox of world.sandboxes) {
    expect(new Set(sandbox.requests.map(({ ending }) => ending))).toEqual(new Set(['client_left']))
    await expect.poll(() => sandbox.connections(), { timeout: 40_000 }).toBe(0)
  }
}

describe.each<[Protocol, boolean]>([
  ['chat', false],
  ['chat', true],
  ['responses', false],
  ['responses', true],
])('%s (stream: %s)', (protocol, stream) => {
  test.each<[string, FaultInput]>([
    ['before the upstream answers', { kind: 'no_answer' }],
    ['between its headers and its first byte', { kind: 'headers_only' }],
    ...(stream ? [] : [['in the middle of its answer', { kind: 'stall' }] as [string, FaultInput]]),
  ])('a caller who leaves %s cancels it, pays nothing and leaves one row', async (_, fault) => {
    await using world = await startGatewayWorld({ group: { onDisconnect: 'drain' } })
    world.setFault(fault)
    const leaving = new AbortController()
    const asked = world.request(PATHS[protocol], { body: bodyOf(stream), signal: leaving.signal }).catch(() => 'left')
    await expect.poll(() => world.sandboxes[0]?.status().inFlight).toBe(1)
    await sleep(30)
    leaving.abort()
    expect(await asked).toBe('left')
    await expectAllCancelled(world)
    expect(await world.ledger()).toMatchObject([
      {
        outcome: 'client_closed',
        status: 499,
        errorCode: null,
        priceRule: 'nothing',
        billedNano: 0n,
        outputTokens: 0,
        estimated: true,
      },
    ])
  })
})

describe.each<Protocol>(['chat', 'responses'])('a %s stream whose caller has left', (protocol) => {
  async function leaveAfterFirstEvents(world: GatewayWorld, directive: string): Promise<void> {
    const leaving = new AbortController()
    const { body } = await request(`${world.origin}${PATHS[protocol]}`, {
      method: 'POST',
      body: bodyOf(true, directive),
      headers: { authorization: `Bearer ${world.key}` },
      signal: leaving.signal,
    })
    let seen = ''
    try {
      for await (const piece of body) {
        seen += piece
        if (/"(delta|content)":"[^"]/.test(seen)) leaving.abort()
      }
    } catch {
      expect(leaving.signal.aborted).toBe(true)
    }
  }

  test('is cancelled at once, and what was delivered is billed', async () => {
    await using world = await startGatewayWorld()
    await leaveAfterFirstEvents(world, 'events=2000 eventMs=10')
    await expectAllCancelled(world)
    const [row, ...more] = await world.ledger()
    expect(more).toEqual([])
    expect(row).toMatchObject({ outcome: 'client_closed', status: 499, estimated: true, priceRule: 'delivered' })
    expect(row?.outputTokens).toBeGreaterThan(0)
    expect(row?.outputTokens).toBeLessThan(1_000)
    expect(row?.totalMs).toBeLessThan(10_000)
  })

  test('is read on for its usage in a group that drains, with its slots free at once', async () => {
    await using world = await startGatewayWorld({ group: { onDisconnect: 'drain' }, user: { concurrency: 1 } })
    await leaveAfterFirstEvents(world, 'events=30 eventMs=100')
    await expect.poll(() => world.gateway.stats().heldSlots).toBe(0)
    expect(world.sandboxes[0]?.status().inFlight).toBe(1)
    expect((await world.chat()).headers.get('x-turnpike-queue-ms')).toBe('0')
    const rows = (await world.ledger()).toSorted((a, b) => b.outputTokens - a.outputTokens)
    expect(rows).toMatchObject([
      { outcome: 'client_closed', status: 499, estimated: false, priceRule: 'usage' },
      { outcome: 'completed' },
    ])
    expect(rows[0]?.outputTokens).toBeGreaterThanOrEqual(30)
  })

  test.each<[string, string]>([
    ['is cut', 'fault=cut afterEvents=20'],
    ['fails', 'fault=error_event afterEvents=20'],
    ['stalls', 'fault=stall afterEvents=20'],
  ])('and that %s while it is drained is billed by what was delivered', async (_, fault) => {
    await using world = await startGatewayWorld({ group: { onDisconnect: 'drain', idleTimeoutMs: 300 } })
    await leaveAfterFirstEvents(world, `events=40 eventMs=10 ${fault}`)
    await expectNothingRuns(world)
    const rows = await world.ledger()
    expect(rows).toMatchObject([{ outcome: 'client_closed', estimated: true, priceRule: 'delivered' }])
    expect(rows[0]?.outputTokens).toBeGreaterThan(0)
  })
})

describe('a caller who does not read', () => {
  const PIECE = `data: ${JSON.stringify({ choices: [{ index: 0, delta: { content: 'x'.repeat(16_000) } }] })}\n\n`
  const ENOUGH_BYTES = 64 * 1024 * 1024

  test('is waited for: the upstream is held back, and goes on when he reads', async () => {
    let sentBytes = 0
    await using upstream = await startRawUpstream((response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' })
      const send = () => {
        while (sentBytes < ENOUGH_BYTES) {
          sentBytes += PIECE.length
          if (!response.write(PIECE)) return void response.once('drain', send)
        }
        response.end('data: {"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\ndata: [DONE]\n\n')
      }
      send()
    })
    await using world = await startGatewayWorld({ accounts: [{ baseUrl: upstream.baseUrl }] })
    const body = bodyOf(true)
    const socket = connect(Number(new URL(world.origin).port), '127.0.0.1')
    socket.write(
      `POST ${PATHS.chat} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAuthorization: Bearer ${world.key}\r\nContent-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
    )
    await expect.poll(() => sentBytes).toBeGreaterThan(0)
    let before = -1
    await expect
      .poll(
        () => {
          const hasStopped = before === sentBytes
          before = sentBytes
          return hasStopped
        },
        { interval: 300, timeout: 40_000 },
      )
      .toBe(true)
    expect(sentBytes).toBeLessThan(ENOUGH_BYTES / 2)

    let readBytes = 0
    let tail = ''
    socket.setEncoding('latin1').on('data', (text: string) => {
      readBytes += text.length
      tail = (tail + text).slice(-100)
    })
    await new Promise((resolve) => socket.once('close', resolve))
    expect(readBytes).toBeGreaterThan(ENOUGH_BYTES)
    expect(tail).toContain('data: [DONE]\n')
    expect(await world.ledger()).toMatchObject([{ outcome: 'completed' }])
  })

  test('and then leaves takes his upstream call with him', async () => {
    await using world = await startGatewayWorld()
    const body = bodyOf(true, 'fault=endless')
    const socket = connect(Number(new URL(world.origin).port), '127.0.0.1')
    socket.write(
      `POST ${PATHS.chat} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${world.key}\r\nContent-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
    )
    await expect.poll(() => world.sandboxes[0]?.status().inFlight).toBe(1)
    await sleep(200)
    socket.destroy()
    await expectAllCancelled(world)
    expect(await world.ledger()).toMatchObject([{ outcome: 'client_closed', priceRule: 'delivered' }])
  })
})

const LEAVERS = Number(process.env.SOAK_LEAVERS ?? 200)
const TOGETHER = 20
/** Such a stream has some thousand more: nobody comes to its end. */
const MAX_BYTES = { chat: 9_000, responses: 7_000 }

test(
  `${LEAVERS} callers who leave at a random byte: one row each, never billed less than they got, nothing held`,
  async () => {
    await using world = await startGatewayWorld()
    const random = seeded(7)
    const left: Left[] = []
    while (left.length < LEAVERS) {
      const group = Array.from({ length: Math.min(TOGETHER, LEAVERS - left.length) }, (_, index) => {
        const protocol = index % 2 === 0 ? 'chat' : 'responses'
        return leaveAt(world, protocol, Math.floor(random() * MAX_BYTES[protocol]))
      })
      left.push(...(await Promise.all(group)))
    }
    await expectAllCancelled(world)

    const rows = await world.ledger()
    expect(rows).toHaveLength(LEAVERS)
    expect(new Set(rows.map(({ outcome, status }) => `${outcome} ${status}`))).toEqual(new Set(['client_closed 499']))
    const byId = new Map(rows.map((row) => [row.requestId, row]))
    for (const { requestId, text } of left) {
      const row = byId.get(requestId)
      // Of half a word nobody knows how many tokens it will be.
      expect(row?.outputTokens).toBeGreaterThanOrEqual((await countTokens(text)) - 1)
      expect(row?.outputTokens).toBeLessThan(60)
    }
  },
  30_000 + LEAVERS * 100,
)

interface Left {
  requestId: string
  /** What came before he left. */
  text: string
}

async function leaveAt(world: GatewayWorld, protocol: Protocol, bytes: number): Promise<Left> {
  const leaving = new AbortController()
  const { body, headers } = await request(`${world.origin}${PATHS[protocol]}`, {
    method: 'POST',
    body: bodyOf(true, 'words=40 eventMs=4'),
    headers: { authorization: `Bearer ${world.key}` },
    signal: leaving.signal,
  })
  let seen = ''
  try {
    for await (const piece of body) {
      seen += piece
      if (seen.length > bytes) leaving.abort()
    }
  } catch {
    expect(leaving.signal.aborted).toBe(true)
  }
  const deltas = seen.matchAll(/"(?:delta|content)":"([^"]*)"/g)
  return { requestId: String(headers['x-request-id']), text: [...deltas].map(([, text]) => text).join('') }
}

/** A sequence that is the same in every run (mulberry32). */
function seeded(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}
