import { describe, expect, test } from 'vitest'
import type { AttemptTimes } from './attempt.ts'
import type { AttemptRecord } from './outcome.ts'
import { beginStory, type Ending, NOTHING_DELIVERED, outcomeOf, progressOf, type Story } from './story.ts'
import { fakeCall } from './testing/fake-call.ts'
import { fakeCandidate } from './testing/fake-candidate.ts'
import { createFakePorts } from './testing/fake-ports.ts'

const USAGE = { inputTokens: 3, cachedInputTokens: 0, cacheWriteTokens: 0, outputTokens: 2, reasoningTokens: 0 }
const COMPLETED: Ending = {
  kind: 'completed',
  status: 200,
  errorCode: null,
  upstreamResponseId: 'c1',
  serviceTier: null,
  usage: USAGE,
  estimated: false,
  usageInvalid: false,
  priceRule: 'usage',
}

function attemptTimes(times: Partial<AttemptTimes>): AttemptTimes {
  return { startedAt: 0, sentAt: null, firstByteAt: null, status: null, headers: {}, ...times }
}

function attemptRecord(durationMs: number): AttemptRecord {
  return {
    accountId: 1,
    startedAtMs: 0,
    durationMs,
    connectMs: null,
    firstByteMs: null,
    status: null,
    reason: null,
    upstreamRequestId: null,
  }
}

function storyOf(members: Partial<Story> = {}): Story {
  return { ...beginStory(fakeCall()), candidate: fakeCandidate(1), ...members }
}

function outcomeAt(story: Story, endedAt: number, ending: Ending = COMPLETED) {
  const ports = createFakePorts()
  ports.clock.advance(endedAt)
  return outcomeOf(story, ending, ports)
}

describe('the times of a request', () => {
  const story = () => {
    const call = { ...fakeCall(), startedAt: 0, bodyReadAt: 10 }
    return {
      ...storyOf(),
      call,
      queueMs: 100,
      accountQueueMs: 40,
      routeStartedAt: 70,
      attempts: [attemptRecord(50), attemptRecord(500)],
      attempt: attemptTimes({ startedAt: 170, sentAt: 180, firstByteAt: 400 }),
      firstOutputAt: 450,
      relayInAt: 440,
      relayOutAt: 442,
    }
  }

  test('are kept apart', () => {
    expect(outcomeAt(story(), 670).times).toEqual({
      queueMs: 100,
      // From the end of the first wait to the attempt that answered, less the account's queue; the failed one included.
      routeMs: 60,
      upstreamConnectMs: 10,
      upstreamFirstByteMs: 230,
      ttftMs: 450,
      totalMs: 670,
      // 170 from the body to the request written, less 100 of queue, 10 of connect and 50 of the failed attempt; then 2.
      gatewayMs: 12,
    })
  })

  test('are unknown where the moment never came', () => {
    const refused = outcomeAt(storyOf({ candidate: null, queueMs: 30 }), 40)
    expect(refused.times).toEqual({
      queueMs: 30,
      routeMs: 40,
      upstreamConnectMs: null,
      upstreamFirstByteMs: null,
      ttftMs: null,
      totalMs: 40,
      gatewayMs: null,
    })
    const unreachable = outcomeAt(storyOf({ attempt: attemptTimes({ startedAt: 5 }) }), 40)
    expect(unreachable.times).toMatchObject({ routeMs: 5, upstreamConnectMs: null, gatewayMs: null })
  })

  test('are never negative, and no finer than a microsecond', () => {
    const times = outcomeAt(
      storyOf({
        queueMs: 0.123456,
        accountQueueMs: 5,
        attempt: attemptTimes({ startedAt: 1, sentAt: 1.5 }),
        relayInAt: 3,
        relayOutAt: 2,
      }),
      3.00049,
    ).times
    expect(times).toMatchObject({ queueMs: 0.123, routeMs: 0, totalMs: 3, gatewayMs: 0.877 })
  })

  test('say how far it has come, for the headers of its answer', () => {
    expect(progressOf(story(), 470)).toEqual({
      rates: null,
      attempts: 2,
      queueMs: 100,
      routeMs: 60,
      upstreamMs: 300,
      gatewayMs: 10,
    })
    expect(progressOf(storyOf({ queueMs: 7 }), 20)).toEqual({
      rates: null,
      attempts: 0,
      queueMs: 7,
      routeMs: 20,
      upstreamMs: 0,
      gatewayMs: null,
    })
  })
})

describe('the outcome of a request', () => {
  test('is one wide record of who asked, what was answered and what it cost', () => {
    expect(outcomeAt(storyOf({ protocol: 'chat' }), 10)).toMatchObject({
      clientRequestId: 'client-1',
      endpoint: '/v1/chat/completions',
      protocol: 'chat',
      stream: false,
      status: 200,
      outcome: 'completed',
      errorCode: null,
      userId: 1,
      keyId: 2,
      groupId: 3,
      accountId: 1,
      model: 'asked',
      upstreamModel: 'up-model',
      upstreamResponseId: 'c1',
      usage: USAGE,
      costNano: 5,
      billedNano: 10,
      multiplierE4: 10_000,
      priceRule: 'usage',
    })
  })

  test('is plain JSON', () => {
    const outcome = outcomeAt(storyOf(), 10)
    expect(JSON.parse(JSON.stringify(outcome))).toEqual(outcome)
  })

  test('is priced by what the upstream was asked for, when the request began', () => {
    const ports = createFakePorts()
    const asked: unknown[] = []
    const price: typeof ports.price = (request) => {
      asked.push(request)
      return null
    }
    const story = storyOf()
    expect(outcomeOf(story, COMPLETED, { ...ports, price })).toMatchObject({ costNano: null, billedNano: 0 })
    expect(asked).toEqual([
      {
        usage: USAGE,
        model: 'up-model',
        provider: 'openai',
        serviceTier: null,
        multiplierE4: 10_000,
        atMs: story.call.createdAtMs,
      },
    ])
  })

  test('bills nothing where nothing was delivered, though it may have cost', () => {
    const ending: Ending = { ...NOTHING_DELIVERED, kind: 'client_closed', status: 499, errorCode: null, usage: USAGE }
    expect(outcomeAt(storyOf(), 10, ending)).toMatchObject({ costNano: 5, billedNano: 0, priceRule: 'nothing' })
  })

  test('has no account and no cost where none was asked', () => {
    const ending: Ending = { ...NOTHING_DELIVERED, kind: 'failed', status: 429, errorCode: 'queue_full' }
    expect(outcomeAt(storyOf({ candidate: null }), 10, ending)).toMatchObject({
      accountId: null,
      upstreamModel: null,
      costNano: null,
      billedNano: 0,
    })
  })
})
