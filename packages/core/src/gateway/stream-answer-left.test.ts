import { describe, expect, test } from 'vitest'
import { settled } from './testing/fake-clock.ts'
import type { FakeExchange } from './testing/fake-upstream.ts'
import {
  DONE,
  errorEvent,
  expectAllReleasedOnce,
  FINISH,
  flowing,
  role,
  text,
  USAGE,
  world,
} from './testing/relay-world.ts'

describe('a caller who leaves', () => {
  test('before anything was written cancels the upstream, also in a draining group', async () => {
    const run = world({}, { body: { stream: true }, group: { onDisconnect: 'drain' } })
    await settled()
    run.ports.upstream.last().stream(role, text('one'))
    const answer = await run.answering
    run.client.abort()
    await answer.deliver(run.responder)
    answer[Symbol.dispose]()
    expect(run.ports.upstream.last().isAborted).toBe(true)
    expect(run.responder.wire()).toBe('')
    expect(run.ports.ends).toMatchObject([
      { outcome: 'client_closed', status: 499, priceRule: 'nothing', billedNano: 0 },
    ])
    expectAllReleasedOnce(run.ports)
  })

  test('twice, or after the end, leaves once', async () => {
    const { ports, client, upstream, delivered } = await flowing({ group: { onDisconnect: 'drain' } })
    client.abort()
    client.abort()
    upstream.data(FINISH + USAGE + DONE)
    await delivered
    client.abort()
    upstream.end()
    expect(ports.ends).toHaveLength(1)
    expectAllReleasedOnce(ports)
  })

  test.each<[string, (upstream: FakeExchange) => void]>([
    ['is cut', (upstream) => upstream.error('lost')],
    ['fails', (upstream) => upstream.data(errorEvent('x'))],
    ['ends without finishing', (upstream) => upstream.end()],
  ])('of a draining group pays for what he got when the rest %s', async (_, end) => {
    const { ports, client, upstream, delivered } = await flowing({ group: { onDisconnect: 'drain' } })
    client.abort()
    end(upstream)
    await delivered
    expect(ports.ends).toMatchObject([{ outcome: 'client_closed', priceRule: 'delivered', usage: { outputTokens: 2 } }])
    upstream.end()
    expectAllReleasedOnce(ports)
  })

  test('teaches nothing about the account', async () => {
    const { ports, client, delivered } = await flowing()
    client.abort()
    await delivered
    expect(ports.reports).toEqual([{ accountId: 1, event: { kind: 'inconclusive' } }])
  })
})
