import type { Answer } from './answer.ts'
import { type Call, inputBytesOf } from './call.ts'
import { GatewayError } from './errors.ts'
import { estimateTokens } from './estimate-tokens.ts'
import type { Admission, Candidate, Lease, RelayPorts, Reservation, ReserveRequest } from './ports.ts'
import { recordFailure } from './record-failure.ts'
import { findMaker } from './response-maker.ts'
import { sessionKeyOf } from './route.ts'
import { beginStory, type Story } from './story.ts'
import { answerFromPool } from './try-accounts.ts'

/**
 * The story of one request: admit, choose, try, fail over. Resolves when the first upstream event is in hand; until then
 * another account may answer, after it never. The answer owns the slots: hold it with `using`.
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
    // On its way while the request is admitted, so that it costs no time of its own.
    const foreseen = foreseeSession(call, ports)
    story.admission = await admit(story, ports)
    held.add(story.admission)
    if (foreseen !== null) await foreseen
    const reserved = reserve(story, ports)
    story.reservation = reserved instanceof Promise ? await reserved : reserved
    if (call.protocol === 'responses' && call.body.previousResponseId !== null) {
      story.madeBy = await findMaker(call, call.body.previousResponseId, ports)
    }
    return await answerFromPool({ story, ports, held, release })
  } catch (error) {
    release()
    throw await recordFailure(story, error, ports)
  }
}

export function checkModel({ body, caller }: Call): void {
  const isListed = (models: readonly string[]) => models.length === 0 || models.includes(body.model)
  if (!isListed(caller.models) || !isListed(caller.group.models)) {
    throw new GatewayError('model_not_found', { param: 'model' })
  }
}

function foreseeSession(call: Call, { accounts }: RelayPorts): Promise<void> | null {
  const sessionKey = sessionKeyOf(call)
  return sessionKey === null ? null : accounts.foreseeSession(sessionKey)
}

export async function admit(story: Story, { slots, clock }: RelayPorts): Promise<Admission> {
  const { caller, requestId, client } = story.call
  const since = clock.monotonic()
  const admitted = slots.admit({
    requestId,
    userId: caller.userId,
    userConcurrency: caller.userConcurrency,
    keyId: caller.keyId,
    keyConcurrency: caller.keyConcurrency,
    keyRates: caller.keyRates,
    groupId: caller.group.id,
    groupRates: caller.group.rates,
    estimatedTokens: estimateTokens(story.call),
    onBusy: caller.group.onBusy,
    client,
  })
  if (!(admitted instanceof Promise)) return admitted
  let hasQueued = true
  try {
    const admission = await admitted
    hasQueued = admission.hasQueued
    return admission
  } finally {
    // To ask other instances takes a moment too, but nobody queues in it.
    if (hasQueued) {
      story.queueMs += clock.monotonic() - since
      story.routeStartedAt = clock.monotonic()
    }
  }
}

export function reserve(
  { call }: Story,
  { money, accounts }: RelayPorts,
): Reservation | null | Promise<Reservation | null> {
  return money.reserve(reserveRequestOf(call, accounts.candidates(call.caller.group.id, call.body.model)))
}

export function reserveRequestOf(call: Call, candidates: readonly Candidate[]): ReserveRequest {
  const { caller, body, requestId } = call
  return {
    requestId,
    userId: caller.userId,
    keyId: caller.keyId,
    hasSpendingLimit: caller.hasSpendingLimit,
    group: caller.group,
    candidates,
    inputBytes: inputBytesOf(call),
    maxOutputTokens: body.maxOutputTokens,
    atMs: call.createdAtMs,
  }
}
