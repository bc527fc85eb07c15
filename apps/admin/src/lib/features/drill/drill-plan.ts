import type { RouterInputs, RouterOutputs } from '@turnpike/client'

export type Fault = RouterInputs['sandbox']['setFault']
export type Sandbox = RouterOutputs['sandbox']['status']
export type FaultKind = Sandbox['kinds'][number]['kind']

/** What a drill's accounts call their one model; nobody else's requests name these, so no fault meets them. */
export const DRILL_MODEL = 'fire-drill'
export const FIRST_ACCOUNT_MODEL = 'fire-drill-first'
export const SECOND_ACCOUNT_MODEL = 'fire-drill-second'

export const DRILL_MINUTES = [2, 3, 5, 10] as const
export type DrillMinutes = (typeof DRILL_MINUTES)[number]

/** `first`: one account fails and the other takes over. `both`: the other fails half of the time too, so callers notice. */
export const DRILL_REACHES = ['both', 'first'] as const
export type DrillReach = (typeof DRILL_REACHES)[number]

/** Statuses an upstream may answer with in a drill; every other fault is named by its kind. */
const STATUSES = [429, 500, 503, 529, 401] as const
const SECOND_FAILS = 0.5

/** What can go wrong in a drill, as its choice holds it: `status:429`, `no_answer`, … */
export function drillFaults(kinds: readonly FaultKind[]): string[] {
  return kinds.flatMap((kind) => (kind === 'status' ? STATUSES.map((status) => `status:${status}`) : [kind]))
}

/** The faults of a drill, each with its end. */
export function faultsOf(
  { fault, minutes, reach }: { fault: string; minutes: DrillMinutes; reach: DrillReach },
  kinds: readonly FaultKind[],
): Fault[] {
  const strike = strikeOf(fault, kinds)
  if (strike === null) return []
  const forSeconds = minutes * 60
  const first = { ...strike, forSeconds, model: FIRST_ACCOUNT_MODEL }
  const second = { ...strike, forSeconds, model: SECOND_ACCOUNT_MODEL, probability: SECOND_FAILS }
  return reach === 'both' ? [first, second] : [first]
}

function strikeOf(fault: string, kinds: readonly FaultKind[]): Fault | null {
  const [name, status] = fault.split(':')
  const kind = kinds.find((each) => each === name)
  if (kind === undefined) return null
  return kind === 'status' ? { kind, status: Number(status) } : { kind }
}
