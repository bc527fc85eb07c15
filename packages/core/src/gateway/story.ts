import type { OutcomeKind, WireProtocol } from '../words.ts'
import type { AttemptTimes } from './attempt.ts'
import type { Call } from './call.ts'
import type { Progress } from './errors.ts'
import {
  type AttemptRecord,
  type DecisionRecord,
  type Diagnostics,
  NO_USAGE,
  type Outcome,
  type TokenUsage,
} from './outcome.ts'
import type { Admission, Candidate, RelayPorts, Reservation } from './ports.ts'

/** What is known of a request while it runs; becomes its one outcome. */
export interface Story {
  call: Call
  attempts: AttemptRecord[]
  decision: DecisionRecord
  candidate: Candidate | null
  /** The account that made the response the request goes on from; null = it goes on from none. */
  madeBy: number | null
  protocol: WireProtocol | null
  queueMs: number
  /** The part of `queueMs` spent in an account's queue, after routing had begun. */
  accountQueueMs: number
  /** Monotonic moments. */
  routeStartedAt: number
  attempt: AttemptTimes | null
  firstOutputAt: number | null
  /** The event that opened the stream (JSON: the last byte) came in; it went out. */
  relayInAt: number | null
  relayOutAt: number | null
  admission: Admission | null
  reservation: Reservation | null
  /** What a request that got no answer ends as. */
  failedAs: OutcomeKind
  diagnostics: Diagnostics
}

/** How a request ended, for the endings table of accounts-and-billing.md. */
export interface Ending {
  kind: OutcomeKind
  status: number
  errorCode: string | null
  upstreamResponseId: string | null
  /** As the upstream said it served; null = it said none. */
  serviceTier: string | null
  usage: TokenUsage
  estimated: boolean
  usageInvalid: boolean
  priceRule: 'usage' | 'delivered' | 'nothing'
}

/** Nearly every request has no more to tell: they share these. */
const NO_DIAGNOSTICS: Diagnostics = { isInLedger: false, upstreamErrors: [], fault: undefined }
const IN_LEDGER: Diagnostics = { ...NO_DIAGNOSTICS, isInLedger: true }

export const CLIENT_CLOSED = { kind: 'client_closed', status: 499, errorCode: null } as const

export const NOTHING_DELIVERED: Pick<
  Ending,
  'upstreamResponseId' | 'serviceTier' | 'usage' | 'estimated' | 'usageInvalid' | 'priceRule'
> = {
  upstreamResponseId: null,
  serviceTier: null,
  usage: NO_USAGE,
  estimated: false,
  usageInvalid: false,
  priceRule: 'nothing',
}

export function beginStory(call: Call): Story {
  return {
    call,
    attempts: [],
    decision: { rule: 'none', chosen: null, candidates: [], omitted: 0 },
    candidate: null,
    madeBy: null,
    protocol: null,
    queueMs: 0,
    accountQueueMs: 0,
    routeStartedAt: call.bodyReadAt,
    attempt: null,
    firstOutputAt: null,
    relayInAt: null,
    relayOutAt: null,
    admission: null,
    reservation: null,
    failedAs: 'exhausted',
    diagnostics: call.traceParent === null ? NO_DIAGNOSTICS : { ...NO_DIAGNOSTICS, traceParent: call.traceParent },
  }
}

/** Diagnostics of a request that has got its start record, before anything went wrong with it. */
export function inLedger(diagnostics: Diagnostics): Diagnostics {
  return diagnostics === NO_DIAGNOSTICS ? IN_LEDGER : { ...diagnostics, isInLedger: true }
}

/** The request's one wide record. Priced by the model the upstream was asked for, at the time the request started. */
export function outcomeOf(story: Story, ending: Ending, ports: Pick<RelayPorts, 'clock' | 'price'>): Outcome {
  const { call, candidate } = story
  const { group } = call.caller
  const cost =
    candidate === null
      ? null
      : ports.price({
          usage: ending.usage,
          model: candidate.upstreamModel,
          provider: candidate.provider,
          serviceTier: ending.serviceTier,
          multiplierE4: group.multiplierE4,
          atMs: call.createdAtMs,
        })
  return {
    requestId: call.requestId,
    clientRequestId: call.clientRequestId,
    createdAtMs: call.createdAtMs,
    endedAtMs: Math.round(ports.clock.now()),
    endpoint: call.endpoint,
    protocol: story.protocol,
    stream: call.body.stream,
    status: ending.status,
    outcome: ending.kind,
    errorCode: ending.errorCode,
    userId: call.caller.userId,
    keyId: call.caller.keyId,
    groupId: group.id,
    accountId: candidate?.accountId ?? null,
    billing: group.billing,
    subscriptionId: story.reservation?.subscriptionId ?? null,
    leases: story.reservation?.leases ?? [],
    serviceTier: ending.serviceTier,
    model: call.body.model,
    upstreamModel: candidate?.upstreamModel ?? null,
    upstreamResponseId: ending.upstreamResponseId,
    usage: ending.usage,
    estimated: ending.estimated,
    usageInvalid: ending.usageInvalid,
    costNano: cost?.costNano ?? null,
    billedNano: ending.priceRule === 'nothing' ? 0 : (cost?.billedNano ?? 0),
    multiplierE4: group.multiplierE4,
    priceRule: ending.priceRule,
    attempts: story.attempts,
    decision: story.decision,
    times: timesOf(story, ports.clock.monotonic()),
    clientIp: call.clientIp,
    userAgent: call.userAgent,
  }
}

/** How far the request has come by `at` (monotonic). */
export function progressOf(story: Story, at: number): Progress {
  const { admission, attempt, attempts, queueMs, accountQueueMs, routeStartedAt } = story
  const startedAt = attempt?.startedAt ?? at
  return {
    rates: admission?.rates ?? null,
    attempts: attempts.length,
    queueMs,
    routeMs: Math.max(0, startedAt - routeStartedAt - accountQueueMs),
    upstreamMs: at - startedAt,
    gatewayMs: attempt === null ? null : untilAskedMs(story, attempt),
  }
}

/** gateway.md, "Time, kept apart". */
function timesOf(story: Story, endedAt: number): Outcome['times'] {
  const { call, attempt } = story
  const connectMs = attempt === null || attempt.sentAt === null ? null : attempt.sentAt - attempt.startedAt
  return {
    queueMs: rounded(story.queueMs),
    routeMs: rounded(Math.max(0, (attempt?.startedAt ?? endedAt) - story.routeStartedAt - story.accountQueueMs)),
    upstreamConnectMs: roundedOrNull(connectMs),
    upstreamFirstByteMs: roundedOrNull(since(attempt?.startedAt ?? null, attempt?.firstByteAt ?? null)),
    ttftMs: roundedOrNull(since(call.startedAt, story.firstOutputAt)),
    totalMs: rounded(endedAt - call.startedAt),
    gatewayMs: roundedOrNull(gatewayMs(story)),
  }
}

/** Body read → request written, less queue, failed attempts and connect; and what came in → its way out. */
function gatewayMs(story: Story): number | null {
  const { attempt, relayInAt, relayOutAt } = story
  if (attempt === null || attempt.sentAt === null) return null
  return untilAskedMs(story, attempt) + (since(relayInAt, relayOutAt) ?? 0)
}

function untilAskedMs({ call, attempts, queueMs }: Story, { startedAt }: AttemptTimes): number {
  const failedMs = attempts.slice(0, -1).reduce((sum, { durationMs }) => sum + durationMs, 0)
  return Math.max(0, startedAt - call.bodyReadAt - queueMs - failedMs)
}

function since(from: number | null, to: number | null): number | null {
  return from === null || to === null ? null : Math.max(0, to - from)
}

/** Microseconds are as fine as it gets. */
function rounded(ms: number): number {
  return Math.round(ms * 1000) / 1000
}

function roundedOrNull(ms: number | null): number | null {
  return ms === null ? null : rounded(ms)
}
