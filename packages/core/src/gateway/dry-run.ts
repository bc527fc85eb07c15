import type { Call } from './call.ts'
import { GatewayError } from './errors.ts'
import type { Candidate, RelayPorts } from './ports.ts'
import { admit, checkModel, reserve } from './relay.ts'
import { findMaker } from './response-maker.ts'
import { beginStory, type Story } from './story.ts'
import { nextRoute } from './try-accounts.ts'

export const ROUTE_STEPS = ['policy', 'limits', 'money', 'account'] as const
export type RouteStep = (typeof ROUTE_STEPS)[number]

export interface DryRun {
  story: Story
  /** The account that would be asked; null = none. */
  candidate: Candidate | null
  /** Accounts whose protocol has no word for what is asked. */
  speechless: ReadonlySet<number>
  /** What each step refuses with; null = it lets the request pass. The request itself is told the first of them. */
  refusals: Record<RouteStep, GatewayError | null>
}

/**
 * The way of a request up to the account that would be asked, in relay's order and by relay's functions, each step also where
 * an earlier one refused. Nothing is asked upstream; that nothing is taken either is for the ports to see to.
 */
export async function dryRun(call: Call, ports: RelayPorts): Promise<DryRun> {
  const story = beginStory(call)
  const speechless = new Set<number>()
  let candidate: Candidate | null = null
  const policy = await refusalOf(() => checkModel(call))
  const limits = await refusalOf(async () => {
    story.admission = await admit(story, ports)
  })
  const money = await refusalOf(async () => {
    story.reservation = await reserve(story, ports)
  })
  const account = await refusalOf(async () => {
    if (call.protocol === 'responses' && call.body.previousResponseId !== null) {
      story.madeBy = await findMaker(call, call.body.previousResponseId, ports)
    }
    const route = await nextRoute({ story, ports, held: new Set(), release: () => {} }, speechless, null)
    candidate = route?.candidate ?? null
  })
  return { story, candidate, speechless, refusals: { policy, limits, money, account } }
}

async function refusalOf(step: () => void | Promise<void>): Promise<GatewayError | null> {
  try {
    await step()
    return null
  } catch (error) {
    if (error instanceof GatewayError) return error
    throw error
  }
}
