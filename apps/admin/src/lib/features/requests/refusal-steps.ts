import type { ErrorPhase } from '@turnpike/core/ops/words'

/** Where a request can be turned away, in the order it comes there. */
export type RefusalStep = 'key' | 'limits' | 'price' | 'account'

const ORDER: readonly RefusalStep[] = ['key', 'limits', 'price', 'account']

const STEPS: Partial<Record<ErrorPhase, RefusalStep>> = {
  auth: 'key',
  admission: 'limits',
  billing: 'price',
  scheduling: 'account',
}

/** How far a request came that was turned away: what it passed, what refused it, what it never came to. */
export function refusalSteps(phase: ErrorPhase): { step: RefusalStep; tone: 'ok' | 'bad' | 'neutral' }[] {
  const refusedBy = STEPS[phase]
  // A fault of our own can be anywhere on the way.
  if (refusedBy === undefined) return ORDER.map((step) => ({ step, tone: 'neutral' }))
  const at = ORDER.indexOf(refusedBy)
  return ORDER.map((step, index) => ({ step, tone: index < at ? 'ok' : index === at ? 'bad' : 'neutral' }))
}
