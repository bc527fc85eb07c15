import { newAccountHealth } from '../account-state.ts'
import type { AccountLive, Candidate } from '../ports.ts'

/** An idle, healthy account that speaks both protocols, but for what is told. */
export function fakeCandidate(
  accountId: number,
  { live, ...members }: Partial<Omit<Candidate, 'live'>> & { live?: Partial<AccountLive> } = {},
): Candidate {
  return {
    accountId,
    provider: 'openai',
    protocol: 'responses+chat',
    upstreamModel: 'up-model',
    priority: 50,
    weight: 1,
    concurrency: 10,
    blocked: null,
    expiresAtMs: Number.POSITIVE_INFINITY,
    affinityDomain: null,
    ...members,
    live: { inFlight: 0, waiting: 0, ttftMs: null, health: newAccountHealth(), ...live },
  }
}
