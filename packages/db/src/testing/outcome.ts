import { randomUUID } from 'node:crypto'
import { NO_USAGE, type Outcome } from '@turnpike/core/gateway/outcome'

/** A whole outcome of an ordinary request, for tests to bend. */
export function makeOutcome(changes: Partial<Outcome> = {}): Outcome {
  const createdAtMs = changes.createdAtMs ?? Date.now()
  return {
    requestId: requestIdAt(createdAtMs),
    clientRequestId: 'client-1',
    createdAtMs,
    endedAtMs: createdAtMs + 813,
    endpoint: '/v1/chat/completions',
    protocol: 'chat',
    stream: true,
    status: 200,
    outcome: 'completed',
    errorCode: null,
    userId: 1,
    keyId: 2,
    groupId: 3,
    accountId: 4,
    billing: 'none',
    subscriptionId: null,
    leases: [],
    serviceTier: null,
    model: 'gpt-4o-mini',
    upstreamModel: 'gpt-4o-mini-2024-07-18',
    upstreamResponseId: 'chatcmpl-1',
    usage: { ...NO_USAGE, inputTokens: 100, cachedInputTokens: 20, outputTokens: 300 },
    estimated: false,
    usageInvalid: false,
    costNano: 195_000,
    billedNano: 195_000,
    multiplierE4: 10_000,
    priceRule: 'usage',
    attempts: [
      {
        accountId: 4,
        startedAtMs: createdAtMs,
        durationMs: 812.5,
        connectMs: 1.25,
        firstByteMs: 310.5,
        status: 200,
        reason: null,
        upstreamRequestId: 'req_1',
      },
    ],
    decision: { rule: 'load', chosen: 4, candidates: [{ accountId: 4, reason: null }], omitted: 0 },
    times: {
      queueMs: 0,
      routeMs: 0.5,
      upstreamConnectMs: 1.25,
      upstreamFirstByteMs: 310.5,
      ttftMs: 311,
      totalMs: 813,
      gatewayMs: 0.25,
    },
    clientIp: '192.0.2.7',
    userAgent: 'OpenAI/JS 7.57.0',
    ...changes,
  }
}

/** A request id, a UUIDv7, of that millisecond. */
export function requestIdAt(ms: number): string {
  const time = ms.toString(16).padStart(12, '0').slice(-12)
  return `${time.slice(0, 8)}-${time.slice(8)}-7${randomUUID().slice(15)}`
}
