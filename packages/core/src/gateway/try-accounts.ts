import type { Answer, AnswerInput } from './answer.ts'
import type { Attempt, Opening } from './attempt.ts'
import { ClientLeft } from './client-left.ts'
import { createExchange } from './create-exchange.ts'
import { GatewayError } from './errors.ts'
import type { Exchange } from './exchange.ts'
import { judgeFailure, type Verdict } from './failover.ts'
import { createJsonAnswer } from './json-answer.ts'
import { createPassedErrorAnswer } from './passed-error-answer.ts'
import type { Candidate, Lease, RelayPorts, StartRecord } from './ports.ts'
import { findRoute, noAvailableAccounts, type Route } from './route.ts'
import { startAttempt } from './start-attempt.ts'
import { type Ending, inLedger, type Story } from './story.ts'
import { createStreamAnswer } from './stream-answer.ts'
import { upstreamId } from './upstream-words.ts'

export interface Run {
  story: Story
  ports: RelayPorts
  /** Every slot this request holds now. */
  held: Set<Lease>
  release(): void
}

type FailedOpening = Opening & { kind: 'failed' }

interface FailedAttempt {
  verdict: Verdict
  opening: FailedOpening
  candidate: Candidate
  exchange: Exchange
}

/** Attempts on one account after another, until one answers or nothing more may be tried (gateway.md step 10). */
export async function answerFromPool(run: Run): Promise<Answer> {
  const { story, ports } = run
  const { group } = story.call.caller
  const tried = new Set<number>()
  let last: FailedAttempt | null = null
  let endExtra: (() => void) | null = null
  try {
    for (;;) {
      const route = await nextRoute(run, tried, last)
      if (route === null) break
      if (!story.diagnostics.isInLedger) {
        await ports.journal.start(startRecord(story, route.candidate))
        story.diagnostics = inLedger(story.diagnostics)
      }
      const { attempt, opening } = await tryAccount(run, route)
      if (opening.kind !== 'failed') return openAnswer(run, route, attempt, opening)
      last = concludeAttempt(run, route, attempt, opening)
      tried.add(route.candidate.accountId)
      endExtra?.()
      if (!last.verdict.failover || story.attempts.length > group.maxAccountSwitches) break
      endExtra = ports.retryBudget.takeExtra(group.id)
      story.decision.retryBudgetUsed = endExtra === null
      if (endExtra === null) break
    }
    return finalFailure(run, last)
  } finally {
    endExtra?.()
  }
}

type SpokenRoute = Route & { exchange: Exchange }

/** The next account that can be asked, or null when a failure is in hand and nobody is left to try. */
export async function nextRoute(run: Run, tried: Set<number>, last: FailedAttempt | null): Promise<SpokenRoute | null> {
  const { story, ports, held } = run
  let unsayable: GatewayError | null = null
  for (;;) {
    try {
      const route = await findRoute(story, tried, ports)
      held.add(route.lease)
      const exchange = spokenTo(route)
      if (exchange !== null) return { ...route, exchange }
    } catch (error) {
      if (last !== null && error instanceof GatewayError) return null
      throw unsayable ?? error
    }
  }

  /** Null where the account's protocol has no word for what is asked: one that speaks the caller's may have. */
  function spokenTo({ candidate, lease }: Route): Exchange | null {
    try {
      return createExchange(story.call, candidate, ports)
    } catch (error) {
      if (!(error instanceof GatewayError)) throw error
      unsayable = error
      tried.add(candidate.accountId)
      lease.release()
      held.delete(lease)
      return null
    }
  }
}

async function tryAccount({ story, ports }: Run, { candidate, exchange }: SpokenRoute) {
  const { call } = story
  const { timeouts } = call.caller.group
  const { path, body, mayBeRaw } = exchange
  const attempt = startAttempt({
    request: {
      candidate,
      path,
      headers: call.headers,
      contentType: call.form?.contentType,
      body,
      connectMs: timeouts.connectMs,
    },
    timeouts,
    wantsStream: call.body.stream && !mayBeRaw,
    mayBeRaw,
    createReader: exchange.createReader,
    clock: ports.clock,
    upstream: ports.upstream,
  })
  ports.accounts.probe(candidate)
  story.candidate = candidate
  story.protocol = exchange.protocol
  story.attempt = attempt.times
  const onLeft = () => attempt.abort()
  call.client.addEventListener('abort', onLeft)
  const opening = call.client.aborted ? null : await attempt.opening
  call.client.removeEventListener('abort', onLeft)
  if (opening === null || call.client.aborted) {
    attempt.abort()
    recordAttempt(story, candidate, attempt, 'client_closed', ports)
    ports.accounts.report(candidate, { kind: 'inconclusive' })
    throw new ClientLeft()
  }
  return { attempt, opening }
}

function openAnswer(
  run: Run,
  { candidate, exchange }: SpokenRoute,
  attempt: Attempt,
  opening: Exclude<Opening, { kind: 'failed' }>,
): Answer {
  const { story, ports, release } = run
  recordAttempt(story, candidate, attempt, null, ports)
  const input: AnswerInput = { story, candidate, exchange, ports, release }
  return opening.kind === 'json' ? createJsonAnswer(input, opening) : createStreamAnswer(input, opening)
}

function concludeAttempt(
  { story, ports, held }: Run,
  { candidate, exchange, lease }: SpokenRoute,
  attempt: Attempt,
  opening: FailedOpening,
): FailedAttempt {
  const verdict = judgeFailure(opening.failure, ports.clock.now())
  ports.accounts.report(candidate, verdict.event)
  recordAttempt(story, candidate, attempt, verdict.code, ports)
  keepUpstreamError(story, opening)
  lease.release()
  held.delete(lease)
  return { verdict, opening, candidate, exchange }
}

/** Nobody answered: the upstream's own error where it is the caller's own mistake, else ours. */
function finalFailure({ story, ports, release }: Run, last: FailedAttempt | null): Answer {
  if (last === null) throw new GatewayError('no_available_accounts')
  const { verdict, opening, candidate, exchange } = last
  const { failure } = opening
  if (verdict.passThrough && (failure.kind === 'status' || failure.kind === 'error_event')) {
    return createPassedErrorAnswer({ story, candidate, exchange, ports, release }, failure)
  }
  story.failedAs = failureKind(verdict, opening)
  if (verdict.code === 'no_available_accounts') throw noAvailableAccounts(story, ports)
  throw new GatewayError(verdict.code, verdict.retryAfterMs === null ? {} : { retryAfterMs: verdict.retryAfterMs })
}

function failureKind({ code }: Verdict, { isCut, failure }: FailedOpening): Ending['kind'] {
  if (code === 'upstream_stalled') return 'upstream_stalled'
  if (failure.kind !== 'unusable') return 'exhausted'
  return isCut ? 'upstream_cut' : 'failed'
}

/** So much of an upstream's error body is kept. */
const MAX_ERROR_BODY_BYTES = 8_192

function keepUpstreamError(story: Story, { failure }: FailedOpening): void {
  const body = failure.kind === 'status' ? failure.body : failure.kind === 'error_event' ? failure.event : null
  if (body === null) return
  const { attempts, diagnostics } = story
  const kept = { attempt: attempts.length - 1, body: body.slice(0, MAX_ERROR_BODY_BYTES) }
  story.diagnostics = { ...diagnostics, upstreamErrors: [...diagnostics.upstreamErrors, kept] }
}

function startRecord({ call }: Story, candidate: Candidate): StartRecord {
  return {
    requestId: call.requestId,
    createdAtMs: call.createdAtMs,
    endpoint: call.endpoint,
    stream: call.body.stream,
    userId: call.caller.userId,
    keyId: call.caller.keyId,
    groupId: call.caller.group.id,
    accountId: candidate.accountId,
    model: call.body.model,
    billing: call.caller.group.billing,
    multiplierE4: call.caller.group.multiplierE4,
    clientIp: call.clientIp,
  }
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
    upstreamRequestId: upstreamId(times.headers['x-request-id']),
  })
}
