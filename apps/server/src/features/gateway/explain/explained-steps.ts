import { returnsAtMs } from '@turnpike/core/gateway/account-state'
import { inputBytesOf } from '@turnpike/core/gateway/call'
import type { DryRun } from '@turnpike/core/gateway/dry-run'
import { GATEWAY_ERRORS, GatewayError } from '@turnpike/core/gateway/errors'
import { estimateInputTokens, estimateTokens } from '@turnpike/core/gateway/estimate-tokens'
import { NO_USAGE } from '@turnpike/core/gateway/outcome'
import type { Candidate, RelayPorts, ReserveRequest } from '@turnpike/core/gateway/ports'
import { reserveRequestOf } from '@turnpike/core/gateway/relay'
import { passedOver } from '@turnpike/core/gateway/select-account'
import { formatDollars } from '@turnpike/core/money'
import type { ExplainedCandidate, ExplainedPrice, ExplainedRefusal, ExplainedSteps } from './explained-route.ts'
import type { Sight } from './looking-ports.ts'

interface Walked {
  run: DryRun
  /** The same where no queue moves in time; null = it stands in none. */
  inVain: DryRun | null
  sight: Sight
  estimateNano(request: ReserveRequest): number
  price: RelayPorts['price']
}

/** What a dry run met, as the API tells it. */
export function explainedSteps(walked: Walked): ExplainedSteps {
  const { run, inVain, sight } = walked
  const { story, candidate, refusals } = run
  const { caller } = story.call
  const { group } = caller
  return {
    policy: { keyModels: caller.models, groupModels: group.models, refusal: orNull(refusals.policy) },
    limits: limitsOf(walked),
    money: moneyOf(walked),
    account: {
      stickiness: group.stickiness,
      session: sight.session,
      madeBy: story.madeBy,
      rule: story.decision.rule,
      chosen: candidate?.accountId ?? null,
      queues: sight.queues,
      inVain: inVain && {
        accountId: inVain.candidate?.accountId ?? null,
        refusal: orNull(inVain.refusals.account),
      },
      refusal: orNull(refusals.account),
    },
    candidates: sight.candidates.map((each) => toCandidate(each, walked)),
    price: candidate === null ? null : priceOf(candidate, walked),
  }
}

export function toRefusal({ code, message, param, retryAfterMs }: GatewayError): ExplainedRefusal {
  return { code, status: GATEWAY_ERRORS[code].status, message, param, retryAfterMs }
}

function orNull(refusal: GatewayError | null): ExplainedRefusal | null {
  return refusal === null ? null : toRefusal(refusal)
}

function limitsOf({ run: { story, refusals }, sight: { admission } }: Walked): ExplainedSteps['limits'] {
  const { caller } = story.call
  return {
    estimatedTokens: estimateTokens(story.call),
    rates: admission?.rates ?? null,
    user: {
      inFlight: admission?.user.inFlight ?? 0,
      waiting: admission?.user.waiting ?? 0,
      limit: caller.userConcurrency,
    },
    key: { inFlight: admission?.keyInFlight ?? 0, limit: caller.keyConcurrency },
    onBusy: caller.group.onBusy,
    waitsFor: admission?.waitsFor ? toRefusal(new GatewayError(admission.waitsFor)) : null,
    refusal: orNull(refusals.limits),
  }
}

function moneyOf({ run: { story, refusals }, estimateNano, sight }: Walked): ExplainedSteps['money'] {
  const { hasSpendingLimit, group } = story.call.caller
  const isSetAside = group.billing !== 'none' || hasSpendingLimit
  const isPriced = sight.candidates.length > 0 && refusals.money?.code !== 'model_not_priced'
  const nano = isSetAside && isPriced ? estimateNano(reserveRequestOf(story.call, sight.candidates)) : null
  return {
    billing: group.billing,
    hasSpendingLimit,
    estimate: nano === null ? null : formatDollars(BigInt(nano)),
    estimateNano: nano === null ? null : String(nano),
    subscriptionId: story.reservation?.subscriptionId ?? null,
    refusal: orNull(refusals.money),
  }
}

function toCandidate(candidate: Candidate, { run, sight }: Walked): ExplainedCandidate {
  const { accountId, live, upstreamModel } = candidate
  const nowMs = run.story.call.createdAtMs
  const backAtMs = returnsAtMs(live.health, upstreamModel, nowMs)
  return {
    accountId,
    provider: candidate.provider,
    protocol: candidate.protocol,
    upstreamModel,
    priority: candidate.priority,
    weight: candidate.weight,
    inFlight: live.inFlight,
    waiting: live.waiting,
    concurrency: candidate.concurrency,
    ttftMs: live.ttftMs === null ? null : Math.round(live.ttftMs),
    reason: reasonOf(candidate, run, sight),
    returnsAt: backAtMs > nowMs ? new Date(backAtMs).toISOString() : null,
  }
}

function reasonOf(candidate: Candidate, run: DryRun, sight: Sight): string | null {
  const { story } = run
  if (candidate === run.candidate) return null
  if (run.speechless.has(candidate.accountId)) return 'unsayable'
  const input = {
    candidates: sight.candidates,
    tried: run.speechless,
    waitedFor: new Set<number>(),
    session: null,
    madeBy: story.madeBy,
    hasEncryptedReasoning: story.call.body.hasEncryptedReasoning,
    random: () => 0,
    nowMs: story.call.createdAtMs,
  }
  return passedOver(input, story.decision.rule, candidate, run.candidate)
}

/** Its tokens as they are estimated at admission. */
function priceOf({ upstreamModel, provider }: Candidate, { run: { story }, price }: Walked): ExplainedPrice {
  const { call } = story
  const { group } = call.caller
  const inputTokens = estimateInputTokens(inputBytesOf(call))
  const outputTokens = call.body.maxOutputTokens ?? group.assumedOutputTokens
  const cost = price({
    usage: { ...NO_USAGE, inputTokens, outputTokens },
    model: upstreamModel,
    provider,
    serviceTier: null,
    multiplierE4: group.multiplierE4,
    atMs: call.createdAtMs,
  })
  return {
    upstreamModel,
    inputTokens,
    outputTokens,
    cost: cost && formatDollars(BigInt(cost.costNano)),
    costNano: cost && String(cost.costNano),
    billed: cost && formatDollars(BigInt(cost.billedNano)),
    billedNano: cost && String(cost.billedNano),
    rateMultiplier: String(group.multiplierE4 / 10_000),
  }
}
