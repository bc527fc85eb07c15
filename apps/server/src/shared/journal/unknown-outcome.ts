import { NO_USAGE, type Outcome } from '@turnpike/core/gateway/outcome'
import type { StartRecord } from '@turnpike/core/gateway/ports'

/** It reached an upstream and nobody knows how it ended: billed nothing, and visible. */
export function unknownOutcome(start: StartRecord): Outcome {
  const { userId, keyId, groupId, accountId } = start
  return {
    requestId: start.requestId,
    clientRequestId: null,
    createdAtMs: start.createdAtMs,
    endedAtMs: start.createdAtMs,
    endpoint: start.endpoint,
    protocol: null,
    stream: start.stream,
    status: 500,
    outcome: 'unknown',
    errorCode: 'internal_error',
    userId,
    keyId,
    groupId,
    accountId,
    billing: start.billing,
    subscriptionId: null,
    leases: [],
    serviceTier: null,
    model: start.model,
    upstreamModel: null,
    upstreamResponseId: null,
    usage: NO_USAGE,
    estimated: true,
    usageInvalid: false,
    costNano: null,
    billedNano: 0,
    multiplierE4: start.multiplierE4,
    priceRule: 'nothing',
    attempts: [],
    decision: { rule: 'none', chosen: accountId, candidates: [], omitted: 0 },
    times: {
      queueMs: 0,
      routeMs: 0,
      upstreamConnectMs: null,
      upstreamFirstByteMs: null,
      ttftMs: null,
      totalMs: 0,
      gatewayMs: null,
    },
    clientIp: start.clientIp,
    userAgent: null,
  }
}
