import { returnsAtMs, unhealthyReason } from './account-state.ts'
import type { DecisionRecord } from './outcome.ts'
import type { Candidate } from './ports.ts'

export interface SelectionInput {
  candidates: readonly Candidate[]
  /** Accounts this request has already failed on. */
  tried: ReadonlySet<number>
  /** Accounts it has waited for in vain. */
  waitedFor: ReadonlySet<number>
  /** `servedBy`: the account that served it last, also where the session is bound to it no more. */
  session: { key: string; boundTo: number | null; servedBy: number | null } | null
  /** The account that made the response the request goes on from: no other can serve it. Null = any may. */
  madeBy: number | null
  /** The input holds reasoning that the session's account, and those of its affinity domain, can read. */
  hasEncryptedReasoning: boolean
  random: () => number
  nowMs: number
}

export type Selection = { decision: DecisionRecord } & (
  | { kind: 'take'; candidate: Candidate }
  /** The session's account is full: wait for it a while; `others` says whether another one is free. */
  | { kind: 'wait_bound'; candidate: Candidate; isOtherFree: boolean }
  /** All are full: queue in this order. */
  | { kind: 'wait'; order: Candidate[] }
  | { kind: 'none'; returnsAtMs: number | null }
)

export const MAX_RECORDED_CANDIDATES = 5
const LOAD_BAND = 0.1
const TTFT_BAND = 1.5
const SLOW_SESSION_FACTOR = 3

/** gateway.md step 7: which account of the group takes this request now, and why. */
export function selectAccount(input: SelectionInput): Selection {
  const usable = usableCandidates(input)
  if (input.madeBy !== null) return onlyMaker(input, input.madeBy, usable)
  if (usable.length === 0) return none(input)
  const bound = usable.find(({ accountId }) => accountId === input.session?.boundTo)
  const isLeaving = bound !== undefined && isMuchSlower(bound, usable)
  const free = freeOfLowestPriority(usable)
  if (bound !== undefined && !isLeaving && isFull(bound)) {
    const decision = record(input, 'session', bound)
    return { kind: 'wait_bound', candidate: bound, isOtherFree: free.length > 0, decision }
  }
  if (bound !== undefined && !isLeaving) return take(input, 'session', bound)
  const readers = freeReaders(input, usable, isLeaving ? bound : null)
  if (readers.length > 0) return take(input, 'affinity', drawFor(input, readers))
  if (free.length === 0) {
    return { kind: 'wait', order: usable.toSorted((a, b) => load(a) - load(b)), decision: record(input, 'load', null) }
  }
  const [only] = free
  if (free.length === 1 && only) return take(input, usable.length === 1 ? 'only' : 'load', only)
  const pool = isLeaving ? free.filter((candidate) => candidate !== bound) : free
  return take(input, input.session === null ? 'load' : 'session', drawFor(input, pool))
}

/** The maker or nobody, as long as it takes. */
function onlyMaker(input: SelectionInput, madeBy: number, usable: Candidate[]): Selection {
  const maker = usable.find(({ accountId }) => accountId === madeBy)
  if (maker === undefined) return none(input)
  if (!isFull(maker)) return take(input, 'response', maker)
  return { kind: 'wait_bound', candidate: maker, isOtherFree: false, decision: record(input, 'response', maker) }
}

/**
 * Free accounts that can read what the session's account wrote, where the input holds such a thing: itself, also where it
 * lost the session meanwhile, before the others of its domain.
 */
function freeReaders(input: SelectionInput, usable: Candidate[], leaving: Candidate | null): Candidate[] {
  const { candidates, session, hasEncryptedReasoning } = input
  if (!hasEncryptedReasoning || session === null || session.servedBy === null) return []
  const writer = candidates.find(({ accountId }) => accountId === session.servedBy)
  if (writer === undefined) return []
  if (writer !== leaving && usable.includes(writer) && !isFull(writer)) return [writer]
  const { affinityDomain } = writer
  if (affinityDomain === null) return []
  return freeOfLowestPriority(
    usable.filter((candidate) => candidate !== writer && candidate.affinityDomain === affinityDomain),
  )
}

function drawFor({ session, random }: SelectionInput, pool: Candidate[]): Candidate {
  return session === null ? weightedDraw(lightest(pool), random) : rendezvous(pool, session.key)
}

function usableCandidates(input: SelectionInput): Candidate[] {
  const { candidates, tried, nowMs } = input
  const usable: Candidate[] = []
  const brokenOnly: Candidate[] = []
  for (const candidate of candidates) {
    if (staticReason(candidate, input) !== null) continue
    const reason = unhealthyReason(candidate.live.health, candidate.upstreamModel, nowMs)
    if (reason === null) usable.push(candidate)
    else if (reason === 'breaker' || reason === 'probing') brokenOnly.push(candidate)
  }
  // A breaker guards an upstream that others can stand in for; with nobody left it would only add an outage of its own.
  return usable.length === 0 && tried.size === 0 ? brokenOnly : usable
}

function staticReason(candidate: Candidate, { tried, waitedFor, nowMs }: SelectionInput): string | null {
  if (candidate.blocked !== null) return candidate.blocked
  if (candidate.expiresAtMs <= nowMs) return 'expired'
  if (tried.has(candidate.accountId)) return 'tried'
  return waitedFor.has(candidate.accountId) ? 'full' : null
}

/** A session leaves an account whose first tokens take over three times as long as its peers'. */
function isMuchSlower(bound: Candidate, usable: Candidate[]): boolean {
  const peers = usable.filter((peer) => peer !== bound && peer.priority === bound.priority && peer.live.ttftMs !== null)
  if (bound.live.ttftMs === null || peers.length === 0) return false
  const mean = peers.reduce((sum, { live }) => sum + (live.ttftMs ?? 0), 0) / peers.length
  return bound.live.ttftMs > SLOW_SESSION_FACTOR * mean
}

/** `usable` is in order of priority, so the first free one tells the priority. */
function freeOfLowestPriority(usable: Candidate[]): Candidate[] {
  const first = usable.find((candidate) => !isFull(candidate))
  if (first === undefined) return []
  return usable.filter((candidate) => candidate.priority === first.priority && !isFull(candidate))
}

function lightest(free: Candidate[]): Candidate[] {
  let lowest = Number.POSITIVE_INFINITY
  for (const candidate of free) lowest = Math.min(lowest, load(candidate))
  const light = free.filter((candidate) => load(candidate) <= lowest + LOAD_BAND)
  let best = Number.POSITIVE_INFINITY
  for (const { live } of light) best = Math.min(best, live.ttftMs ?? Number.POSITIVE_INFINITY)
  return light.filter(({ live }) => live.ttftMs === null || live.ttftMs <= best * TTFT_BAND)
}

function weightedDraw(pool: Candidate[], random: () => number): Candidate {
  let total = 0
  for (const { weight } of pool) total += weight
  let rest = random() * total
  let drawn = pool[0]
  for (const candidate of pool) {
    drawn = candidate
    rest -= candidate.weight
    if (rest < 0) break
  }
  return present(drawn)
}

/** Weighted rendezvous hashing: the same session lands on the same account while it is there, others do not move. */
function rendezvous(pool: Candidate[], sessionKey: string): Candidate {
  let best = pool[0]
  let bestScore = Number.NEGATIVE_INFINITY
  for (const candidate of pool) {
    const score = -candidate.weight / Math.log(unitHash(sessionKey, candidate.accountId))
    if (score > bestScore) {
      bestScore = score
      best = candidate
    }
  }
  return present(best)
}

function present(candidate: Candidate | undefined): Candidate {
  if (candidate === undefined) throw new Error('drawing from an empty pool of accounts')
  return candidate
}

/** A number in (0, 1) that depends on both; FNV-1a with a final mix. */
function unitHash(text: string, salt: number): number {
  let hash = 0x811c9dc5 ^ salt
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193)
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b)
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35)
  return (((hash ^ (hash >>> 16)) >>> 0) + 0.5) / 2 ** 32
}

function load({ live, concurrency }: Candidate): number {
  return concurrency === 0 ? 0 : (live.inFlight + live.waiting) / concurrency
}

export function isFull({ live, concurrency }: Candidate): boolean {
  return concurrency > 0 && live.inFlight >= concurrency
}

function take(input: SelectionInput, rule: DecisionRecord['rule'], candidate: Candidate): Selection {
  return { kind: 'take', candidate, decision: record(input, rule, candidate) }
}

function none(input: SelectionInput): Selection {
  return {
    kind: 'none',
    returnsAtMs: firstReturnAtMs(input),
    decision: record(input, input.madeBy === null ? 'none' : 'response', null),
  }
}

/** When the first account comes back by itself, ms since the epoch; null = none does. */
export function firstReturnAtMs({
  candidates,
  madeBy,
  nowMs,
}: Pick<SelectionInput, 'candidates' | 'madeBy' | 'nowMs'>): number | null {
  let soonest: number | null = null
  for (const candidate of candidates) {
    if (madeBy !== null && candidate.accountId !== madeBy) continue
    if (candidate.blocked !== null || candidate.expiresAtMs <= nowMs) continue
    const at = returnsAtMs(candidate.live.health, candidate.upstreamModel, nowMs)
    if (soonest === null || at < soonest) soonest = at
  }
  return soonest
}

/** The decision to wait, once one of those waited for came free. */
export function decidedByWaiting(decision: DecisionRecord, accountId: number): DecisionRecord {
  const others = decision.candidates.filter((candidate) => candidate.accountId !== accountId)
  const listed = [{ accountId, reason: null }, ...others].slice(0, MAX_RECORDED_CANDIDATES)
  const omitted = decision.omitted + decision.candidates.length - listed.length
  return { ...decision, chosen: accountId, candidates: listed, omitted }
}

/** The chosen one and the first others, each with the reason it was passed over. */
function record(input: SelectionInput, rule: DecisionRecord['rule'], chosen: Candidate | null): DecisionRecord {
  const listed: DecisionRecord['candidates'] = chosen === null ? [] : [{ accountId: chosen.accountId, reason: null }]
  for (const candidate of input.candidates) {
    if (listed.length === MAX_RECORDED_CANDIDATES) break
    if (candidate !== chosen)
      listed.push({ accountId: candidate.accountId, reason: passedOver(input, rule, candidate, chosen) })
  }
  return {
    rule,
    chosen: chosen?.accountId ?? null,
    candidates: listed,
    omitted: Math.max(0, input.candidates.length - listed.length),
  }
}

/** Why a candidate was passed over; what is said of the chosen one means nothing. */
export function passedOver(
  input: SelectionInput,
  rule: DecisionRecord['rule'],
  candidate: Candidate,
  chosen: Candidate | null,
): string {
  const reason =
    staticReason(candidate, input) ?? unhealthyReason(candidate.live.health, candidate.upstreamModel, input.nowMs)
  if (reason !== null) return reason
  if (input.madeBy !== null && candidate.accountId !== input.madeBy) return 'not_maker'
  if (isFull(candidate)) return 'full'
  if (chosen === null) return 'not_chosen'
  if (rule === 'affinity' && candidate.affinityDomain !== chosen.affinityDomain) return 'other_domain'
  if (candidate.priority > chosen.priority) return 'lower_priority'
  if (load(candidate) > load(chosen) + LOAD_BAND) return 'more_loaded'
  if ((candidate.live.ttftMs ?? 0) > (chosen.live.ttftMs ?? Number.POSITIVE_INFINITY) * TTFT_BAND) return 'slower'
  return 'not_drawn'
}
