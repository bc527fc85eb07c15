import type { WireProtocol } from '../words.ts'
import type { Answer } from './answer.ts'
import { type Attempt, type Opening, startAttempt } from './attempt.ts'
import type { Call } from './call.ts'
import { createChatEventReader } from './chat-event-reader.ts'
import { ClientLeft } from './client-left.ts'
import { conclude } from './conclude.ts'
import { asGatewayError, GATEWAY_ERRORS, GatewayError } from './errors.ts'
import type { EventReader } from './event-reader.ts'
import { judgeFailure, type Verdict } from './failover.ts'
import { inputTokens, keepInputText } from './input-text.ts'
import { createJsonAnswer } from './json-answer.ts'
import { NO_USAGE } from './outcome.ts'
import { createPassedErrorAnswer } from './passed-error-answer.ts'
import type { Candidate, Lease, RelayPorts, StartRecord } from './ports.ts'
import { upstreamText } from './request-body.ts'
import { createResponsesEventReader } from './responses-event-reader.ts'
import { findRoute } from './route.ts'
import { beginStory, type Ending, NOTHING_DELIVERED, progressOf, type Story } from './story.ts'
import { createStreamAnswer } from './stream-answer.ts'

const PATHS: Record<WireProtocol, string> = { chat: '/chat/completions', responses: '/responses' }

/**
 * The story of one request: admit, choose, try, fail over. Resolves when the first upstream event is in hand; until then
 * another account may answer, after it never. The answer owns the slots: hold it with `await using`.
 * Throws GatewayError for what the caller is told, ClientLeft when there is nobody to tell. Either way it is recorded.
 */
export async function relay(call: Call, ports: RelayPorts): Promise<Answer> {
  const story = beginStory(call)
  const held = new Set<Lease>()
  const leave = ports.retryBudget.enter(call.caller.group.id)
  const release = () => {
    leave()
    for (const lease of held) lease.release()
    held.clear()
  }
  try {
    checkModel(call)
    held.add(await admit(story, ports))
    return await answerFromPool({ story, ports, held, release })
  } catch (error) {
    release()
    await recordFailure(story, error, ports)
    throw withProgress(error, story, ports)
  }
}

type FailedOpening = Opening & { kind: 'failed' }

interface FailedAttempt {
  verdict: Verdict
  opening: FailedOpening
  candidate: Candidate
}

interface Run {
  story: Story
  ports: RelayPorts
  /** Every slot this request holds now. */
  held: Set<Lease>
  release(): void
}

function checkModel({ body, caller }: Call): void {
  const isListed = (models: readonly string[]) => models.length === 0 || models.includes(body.model)
  if (!isListed(caller.models) || !isListed(caller.group.models)) {
    throw new GatewayError('model_not_found', { param: 'model' })
  }
}

async function admit(story: Story, { slots, clock }: RelayPorts): Promise<Lease> {
  const { caller, requestId, client } = story.call
  const since = clock.monotonic()
  const admitted = slots.admit({
    requestId,
    userId: caller.userId,
    userConcurrency: caller.userConcurrency,
    keyId: caller.keyId,
    keyConcurrency: caller.keyConcurrency,
    onBusy: caller.group.onBusy,
    client,
  })
  if (!(admitted instanceof Promise)) return admitted
  try {
    return await admitted
  } finally {
    story.queueMs += clock.monotonic() - since
    story.routeStartedAt = clock.monotonic()
  }
}

/** Attempts on one account after another, until one answers or nothing more may be tried. */
async function answerFromPool(run: Run): Promise<Answer> {
  const { story, ports, held } = run
  const { group } = story.call.caller
  const tried = new Set<number>()
  let last: FailedAttempt | null = null
  let endExtra: (() => void) | null = null
  try {
    for (;;) {
      const route = await nextRoute(story, tried, last, ports)
      if (route === null) break
      held.add(route.lease)
      if (last === null) await journalStart(story, route.candidate, ports)
      const { attempt, opening } = await tryAccount(run, route.candidate)
      if (opening.kind !== 'failed') return openAnswer(run, route.candidate, attempt, opening)
      const verdict = judgeFailure(opening.failure, ports.clock.now())
      ports.accounts.report(route.candidate, verdict.event)
      recordAttempt(story, route.candidate, attempt, verdict.code, ports)
      route.lease.release()
      held.delete(route.lease)
      endExtra?.()
      endExtra = null
      last = { verdict, opening, candidate: route.candidate }
      tried.add(route.candidate.accountId)
      if (!verdict.failover || tried.size > group.maxAccountSwitches) break
      endExtra = ports.retryBudget.takeExtra(group.id)
      if (endExtra === null) {
        story.decision.retryBudgetUsed = true
        break
      }
    }
    return finalFailure(run, last)
  } finally {
    endExtra?.()
  }
}

/** The next account, or null when a failure is already in hand and nobody is left to try. */
async function nextRoute(story: Story, tried: Set<number>, last: { verdict: Verdict } | null, ports: RelayPorts) {
  try {
    return await findRoute(story, tried, ports)
  } catch (error) {
    if (last !== null && error instanceof GatewayError) return null
    throw error
  }
}

async function tryAccount({ story, ports }: Run, candidate: Candidate) {
  const { call } = story
  const protocol = call.protocol
  const body = upstreamText(call.body, protocol, candidate.upstreamModel)
  const attempt = startAttempt({
    request: {
      candidate,
      path: PATHS[protocol],
      headers: call.headers,
      body: body === call.body.text ? call.bytes : body,
      connectMs: call.caller.group.timeouts.connectMs,
    },
    timeouts: call.caller.group.timeouts,
    wantsStream: call.body.stream,
    createReader: () => createReader(protocol, call.body.wantsUsageChunk),
    clock: ports.clock,
    upstream: ports.upstream,
  })
  ports.accounts.probe(candidate)
  story.candidate = candidate
  story.protocol = protocol
  story.attempt = attempt.times
  const opening = await orClientLeft(attempt, call.client)
  if (opening === null) {
    recordAttempt(story, candidate, attempt, 'client_closed', ports)
    ports.accounts.report(candidate, { kind: 'inconclusive' })
    throw new ClientLeft()
  }
  return { attempt, opening }
}

function createReader(protocol: WireProtocol, wantsUsageChunk: boolean): EventReader {
  return protocol === 'chat' ? createChatEventReader({ wantsUsageChunk }) : createResponsesEventReader()
}

/** Null when the caller left first; the upstream call is cancelled then. */
async function orClientLeft(attempt: Attempt, client: AbortSignal): Promise<Opening | null> {
  if (!client.aborted) {
    client.addEventListener('abort', attempt.abort)
    const opening = await attempt.opening
    client.removeEventListener('abort', attempt.abort)
    if (!client.aborted) return opening
  }
  attempt.abort()
  return null
}

function openAnswer(run: Run, candidate: Candidate, attempt: Attempt, opening: Exclude<Opening, { kind: 'failed' }>) {
  const { story, ports, release } = run
  recordAttempt(story, candidate, attempt, null, ports)
  const input = { story, candidate, ports, release }
  return opening.kind === 'json' ? createJsonAnswer(input, opening) : createStreamAnswer(input, opening)
}

/** Nobody answered: the upstream's own error where it is the caller's own mistake, else ours. */
function finalFailure({ story, ports, release }: Run, last: FailedAttempt | null): Answer {
  if (last === null) throw new GatewayError('no_available_accounts')
  const { verdict, opening, candidate } = last
  const { failure } = opening
  const passed = { story, candidate, ports, release }
  if (verdict.passThrough && (failure.kind === 'status' || failure.kind === 'error_event')) {
    return createPassedErrorAnswer(passed, failure)
  }
  story.failedAs = failureKind(verdict, opening)
  throw new GatewayError(verdict.code, verdict.retryAfterMs === null ? {} : { retryAfterMs: verdict.retryAfterMs })
}

function failureKind({ code }: Verdict, { isCut, failure }: FailedOpening): Ending['kind'] {
  if (code === 'upstream_stalled') return 'upstream_stalled'
  if (failure.kind !== 'unusable') return 'exhausted'
  return isCut ? 'upstream_cut' : 'failed'
}

/** The outcome of a request that got no answer. */
async function recordFailure(story: Story, error: unknown, ports: RelayPorts): Promise<void> {
  if (error instanceof ClientLeft) return conclude(story, await clientClosed(story, ports), ports)
  const { code } = asGatewayError(error)
  const kind = story.isJournaled ? story.failedAs : 'failed'
  await conclude(story, { ...NOTHING_DELIVERED, kind, status: GATEWAY_ERRORS[code].status, errorCode: code }, ports)
}

function withProgress(error: unknown, story: Story, { clock }: RelayPorts): unknown {
  if (error instanceof ClientLeft) return error
  const told = asGatewayError(error)
  told.progress = progressOf(story, clock.monotonic())
  return told
}

/** Nothing was delivered and nothing is billed, but what reached the upstream may have cost us its input. */
async function clientClosed(story: Story, { countTokens }: RelayPorts): Promise<Ending> {
  const ending: Ending = { ...NOTHING_DELIVERED, kind: 'client_closed', status: 499, errorCode: null }
  if (story.attempt === null || story.attempt.sentAt === null) return ending
  const tokens = await inputTokens(keepInputText(story.call.body.text), countTokens)
  return { ...ending, usage: { ...NO_USAGE, inputTokens: tokens }, estimated: true }
}

async function journalStart(story: Story, candidate: Candidate, { journal }: RelayPorts): Promise<void> {
  const { call } = story
  const record: StartRecord = {
    requestId: call.requestId,
    createdAtMs: call.createdAtMs,
    endpoint: call.endpoint,
    stream: call.body.stream,
    userId: call.caller.userId,
    keyId: call.caller.keyId,
    groupId: call.caller.group.id,
    accountId: candidate.accountId,
    model: call.body.model,
    multiplierE4: call.caller.group.multiplierE4,
    clientIp: call.clientIp,
  }
  await journal.start(record)
  story.isJournaled = true
}

function recordAttempt(
  story: Story,
  candidate: Candidate,
  { times }: Attempt,
  reason: string | null,
  { clock }: RelayPorts,
): void {
  const durationMs = clock.monotonic() - times.startedAt
  story.attempts.push({
    accountId: candidate.accountId,
    startedAtMs: Math.round(clock.now() - durationMs),
    durationMs: Math.round(durationMs),
    connectMs: times.sentAt === null ? null : Math.round(times.sentAt - times.startedAt),
    firstByteMs: times.firstByteAt === null ? null : Math.round(times.firstByteAt - times.startedAt),
    status: times.status,
    reason,
    upstreamRequestId: requestIdOf(times.headers),
  })
}

function requestIdOf({ 'x-request-id': id }: Attempt['times']['headers']): string | null {
  return typeof id === 'string' ? id.replace(/[^\x21-\x7e]/g, '').slice(0, 128) : null
}
