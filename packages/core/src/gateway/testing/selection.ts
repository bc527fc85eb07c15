import { applyAccountEvent } from '../account-state.ts'
import type { Candidate } from '../ports.ts'
import { type Selection, type SelectionInput, selectAccount } from '../select-account.ts'
import { fakeCandidate } from './fake-candidate.ts'
import { CLOCK_START_MS } from './fake-clock.ts'

export function select(candidates: Candidate[], input: Partial<SelectionInput> = {}): Selection {
  return selectAccount({
    candidates,
    tried: new Set(),
    waitedFor: new Set(),
    session: null,
    madeBy: null,
    hasEncryptedReasoning: false,
    random: () => 0.5,
    nowMs: CLOCK_START_MS,
    ...input,
  })
}

/** Which account is taken; null where none is. */
export function taken(candidates: Candidate[], input: Partial<SelectionInput> = {}): number | null {
  const selection = select(candidates, input)
  return selection.kind === 'take' ? selection.candidate.accountId : null
}

/** The same sequence of numbers in [0, 1) every time (mulberry32). */
export function seededRandom(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

export function session(key: string, boundTo: number | null = null, servedBy = boundTo) {
  return { session: { key, boundTo, servedBy } }
}

export function cooling(candidate: Candidate, ms: number): Candidate {
  candidate.live.health.coolingUntilMs = CLOCK_START_MS + ms
  return candidate
}

export function broken(candidate: Candidate): Candidate {
  for (let i = 0; i < 5; i++) {
    applyAccountEvent(candidate.live.health, { kind: 'broken' }, { model: 'up-model', nowMs: CLOCK_START_MS })
  }
  return candidate
}

export function full(accountId: number, members: Parameters<typeof fakeCandidate>[1] = {}): Candidate {
  return fakeCandidate(accountId, { ...members, concurrency: 2, live: { inFlight: 2, ...members.live } })
}
