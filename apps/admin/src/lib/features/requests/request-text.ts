import type { OutcomeKind } from '@turnpike/core/words'
import { m } from '#lib/paraglide/messages.js'
import type { Look } from '#lib/ui/tone.ts'
import type { RefusalStep } from './refusal-steps.ts'
import type { TimeName } from './waterfall.ts'

const OUTCOME_LOOKS = {
  completed: { tone: 'ok', text: m.outcome_completed },
  incomplete: { tone: 'ok', text: m.outcome_incomplete },
  failed: { tone: 'bad', text: m.outcome_failed },
  upstream_cut: { tone: 'bad', text: m.outcome_upstream_cut },
  upstream_stalled: { tone: 'bad', text: m.outcome_upstream_stalled },
  client_closed: { tone: 'neutral', text: m.outcome_client_closed },
  rejected_upstream: { tone: 'warn', text: m.outcome_rejected_upstream },
  exhausted: { tone: 'bad', text: m.outcome_exhausted },
  unknown: { tone: 'warn', text: m.outcome_unknown },
} satisfies Record<OutcomeKind, Look>

export function outcomeLook(outcome: OutcomeKind): Look {
  return OUTCOME_LOOKS[outcome]
}

const TIME_TEXTS = {
  queue: { name: m.time_queue, meaning: m.time_queue_meaning },
  route: { name: m.time_route, meaning: m.time_route_meaning },
  connect: { name: m.time_connect, meaning: m.time_connect_meaning },
  firstByte: { name: m.time_first_byte, meaning: m.time_first_byte_meaning },
  ttft: { name: m.time_ttft, meaning: m.time_ttft_meaning },
  total: { name: m.time_total, meaning: m.time_total_meaning },
  gateway: { name: m.time_gateway, meaning: m.time_gateway_meaning },
} satisfies Record<TimeName, { name: () => string; meaning: () => string }>

export function timeText(name: TimeName): { name: () => string; meaning: () => string } {
  return TIME_TEXTS[name]
}

const RULE_TEXTS = {
  response: m.rule_response,
  session: m.rule_session,
  affinity: m.rule_affinity,
  load: m.rule_load,
  only: m.rule_only,
  none: m.rule_none,
}

/** How the account was chosen. */
export function ruleText(rule: keyof typeof RULE_TEXTS): string {
  return RULE_TEXTS[rule]()
}

const CANDIDATE_TEXTS: Record<string, () => string> = {
  disabled: m.candidate_disabled,
  error: m.candidate_error,
  archived: m.candidate_archived,
  unschedulable: m.candidate_unschedulable,
  expired: m.candidate_expired,
  tried: m.candidate_tried,
  cooling: m.candidate_cooling,
  model_cooling: m.candidate_model_cooling,
  breaker: m.candidate_breaker,
  probing: m.candidate_probing,
  full: m.candidate_full,
  not_chosen: m.candidate_not_chosen,
  lower_priority: m.candidate_lower_priority,
  more_loaded: m.candidate_more_loaded,
  slower: m.candidate_slower,
  not_drawn: m.candidate_not_drawn,
  not_maker: m.candidate_not_maker,
  other_domain: m.candidate_other_domain,
  not_priced: m.candidate_not_priced,
  unsayable: m.candidate_unsayable,
}

/** Why a candidate was passed over; null = it was chosen. A reason that is not known is shown as it is. */
export function candidateText(reason: string | null): string {
  return reason === null ? m.candidate_chosen() : (CANDIDATE_TEXTS[reason]?.() ?? reason)
}

const REFUSAL_STEP_TEXTS = {
  key: m.step_key,
  limits: m.step_checks,
  price: m.step_money,
  account: m.why_this_account,
} satisfies Record<RefusalStep, () => string>

export function refusalStepText(step: RefusalStep): string {
  return REFUSAL_STEP_TEXTS[step]()
}

const PRICE_RULE_TEXTS: Record<string, () => string> = {
  usage: m.price_rule_usage,
  delivered: m.price_rule_delivered,
  nothing: m.price_rule_nothing,
}

/** What the price was taken from. */
export function priceRuleText(rule: string): string {
  return PRICE_RULE_TEXTS[rule]?.() ?? rule
}
