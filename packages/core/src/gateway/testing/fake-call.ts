import type { Endpoint, WireProtocol } from '../../words.ts'
import type { Call } from '../call.ts'
import type { GroupPolicy } from '../ports.ts'
import { parseRequestBody } from '../request-body.ts'
import { CLOCK_START_MS } from './fake-clock.ts'

export const REQUEST_ID = '019ca9a5-7a00-7000-8000-000000000001'
export const FIRST_BYTE_MS = 300_000
export const IDLE_MS = 180_000
export const TOTAL_MS = 1_800_000

const NO_RATES = { requestsPerMinute: null, tokensPerMinute: null }

interface FakeCall {
  protocol?: WireProtocol | null
  /** Default: that of the protocol. */
  endpoint?: Endpoint
  body?: object
  session?: string | null
  models?: string[]
  group?: Partial<GroupPolicy>
  client?: AbortSignal
}

/** A call of one user, who asks for "asked" and stays until the end, but for what is told. */
export function fakeCall({
  protocol = 'chat',
  endpoint = protocol === 'responses' ? '/v1/responses' : '/v1/chat/completions',
  body = {},
  session = null,
  models = [],
  group,
  client,
}: FakeCall = {}): Call {
  const text = JSON.stringify({ model: 'asked', messages: [{ role: 'user', content: 'one two three' }], ...body })
  return {
    requestId: REQUEST_ID,
    clientRequestId: 'client-1',
    createdAtMs: CLOCK_START_MS,
    startedAt: 0,
    bodyReadAt: 0,
    endpoint,
    protocol,
    body: parseRequestBody(text),
    bytes: new TextEncoder().encode(text),
    form: null,
    headers: { accept: '*/*' },
    session,
    caller: {
      userId: 1,
      userConcurrency: 5,
      keyId: 2,
      keyConcurrency: 0,
      keyRates: NO_RATES,
      hasSpendingLimit: false,
      models,
      group: fakeGroup(group),
    },
    clientIp: '127.0.0.1',
    userAgent: 'test',
    traceParent: null,
    client: client ?? new AbortController().signal,
  }
}

function fakeGroup(members: Partial<GroupPolicy> = {}): GroupPolicy {
  return {
    id: 3,
    billing: 'none',
    multiplierE4: 10_000,
    models: [],
    onBusy: 'wait',
    onDisconnect: 'cancel',
    stickiness: 'session',
    timeouts: { connectMs: 5_000, firstByteMs: FIRST_BYTE_MS, idleMs: IDLE_MS, totalMs: TOTAL_MS },
    maxAccountSwitches: 3,
    rates: NO_RATES,
    assumedOutputTokens: 4_096,
    stickyWaitMs: 1_500,
    ...members,
  }
}
