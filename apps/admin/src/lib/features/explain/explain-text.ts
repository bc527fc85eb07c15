import type { RouterOutputs } from '@turnpike/client'
import { format } from '#lib/i18n/format.ts'
import { m } from '#lib/paraglide/messages.js'
import type { StepTone } from '#lib/ui/step.svelte'

export type Explained = RouterOutputs['ops']['explainRoute']
export type ExplainedSteps = NonNullable<Explained['steps']>
type Refusal = NonNullable<Explained['key']['refusal']>
type Verdict = Explained['verdict']

const WAITS_FOR = {
  user_slot: m.explain_waits_user,
  key_slot: m.explain_waits_key,
  account: m.explain_waits_account,
} satisfies Record<Extract<Verdict, { kind: 'waits' }>['for'], (input: { account: string }) => string>

/** What would become of the request, in a sentence. */
export function verdictText(verdict: Verdict, account: string): string {
  switch (verdict.kind) {
    case 'served':
      return m.explain_served({ account })
    case 'waits':
      return WAITS_FOR[verdict.for]({ account })
    case 'refused':
      return m.explain_refused({ status: verdict.refusal.status, message: verdict.refusal.message })
  }
}

export function verdictTone({ kind }: Verdict): StepTone {
  return kind === 'served' ? 'ok' : kind === 'waits' ? 'warn' : 'bad'
}

/** How a step went: refused, held up, or passed. */
export function stepTone(refusal: Refusal | null, waits = false): StepTone {
  if (refusal !== null) return 'bad'
  return waits ? 'warn' : 'ok'
}

/** What a refused step says; undefined where it lets the request pass. */
export function refusalText(refusal: Refusal | null): string | undefined {
  return refusal === null ? undefined : `${refusal.status} ${refusal.code}`
}

/** How much of a limit is taken; 0 = there is none. */
export function takenOf(taken: number, limit: number): string {
  return m.explain_taken({ taken: format.count(taken), limit: limit === 0 ? m.no_limit() : format.count(limit) })
}

export function leftOf(left: { limit: number; remaining: number } | null | undefined): string {
  if (!left) return m.no_limit()
  return m.explain_left({ left: format.count(left.remaining), limit: format.count(left.limit) })
}
