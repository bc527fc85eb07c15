import { describe, expect, test } from 'vitest'
import { ClientLeft } from './client-left.ts'
import { GatewayError } from './errors.ts'
import { settled } from './testing/fake-clock.ts'
import { deliver, JSON_ANSWER, two, world } from './testing/relay-world.ts'
import { full } from './testing/selection.ts'

describe('what a request counts in its rates', () => {
  test('is what the upstream says it took', async () => {
    const { ports, responder, answering } = world()
    await settled()
    ports.upstream.last().answer(JSON_ANSWER)
    await deliver(answering, responder)
    expect(ports.settledTokens).toEqual([3 + 4])
  })

  test('is nothing of tokens where an upstream was asked and gave none', async () => {
    const { ports, answering } = world()
    await settled()
    ports.upstream.last().error('unreachable')
    await expect(answering).rejects.toMatchObject({ code: 'upstream_unreachable' })
    expect(ports.settledTokens).toEqual([0])
  })

  test('is taken back where it was refused before an upstream was asked', async () => {
    const refused = world({ reserve: () => Promise.reject(new GatewayError('insufficient_balance')) })
    await expect(refused.answering).rejects.toMatchObject({ code: 'insufficient_balance' })
    const away = world({ candidates: two().map((candidate) => ({ ...candidate, blocked: 'disabled' })) })
    await expect(away.answering).rejects.toMatchObject({ code: 'no_available_accounts' })
    expect([refused.ports.settledTokens, away.ports.settledTokens]).toEqual([['withdrawn'], ['withdrawn']])
  })

  test('is taken back where its caller left a queue before an upstream was asked', async () => {
    const { ports, answering } = world({
      candidates: [full(1)],
      waitForAccount: () => Promise.reject(new ClientLeft()),
    })
    await expect(answering).rejects.toBeInstanceOf(ClientLeft)
    expect(ports.settledTokens).toEqual(['withdrawn'])
  })
})
