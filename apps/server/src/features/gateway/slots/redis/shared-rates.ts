import { GatewayError } from '@turnpike/core/gateway/errors'
import type { AdmitRequest, RatedCaller, RateLeft, RateLimits, RatesLeft } from '@turnpike/core/gateway/ports'
import { isRated, RATE_WINDOW_MS, tighter } from '@turnpike/core/gateway/rate-window'
import { LRUCache } from 'lru-cache'
import type { Count } from './holds.ts'
import type { Ask, Claimed, Counted, Looked, RateAsk, Sides } from './side.ts'

const MAX_REMEMBERED = 10_000

interface SharedRatesOptions {
  sides: Sides
  onLost(error: unknown): void
  monotonic: () => number
}

/** What a claim would become; `refused` by a rate, before anything else is asked. */
interface RatedLook {
  looked: Looked
  rates: RatesLeft | null
  refused: GatewayError | null
}

/** Rates of several instances: the key's are counted by the script that takes the slot, the group's beside it at the same time. */
export function createSharedRates({ sides, onLost, monotonic }: SharedRatesOptions) {
  const lastSeen = new LRUCache<string, { left: RatesLeft; at: number }>({ max: MAX_REMEMBERED })

  /** One round trip. Throws requests_per_minute, tokens_per_minute; then nothing is counted nor held. */
  async function claim(
    request: AdmitRequest,
    ask: Ask,
    places: number | null,
  ): Promise<{ claimed: Claimed; counted: Count | null }> {
    const { keyRates, groupRates, groupId } = request
    const { ofKey, ofGroup, isGroupRated } = askedRates(request)
    const [claimed, group] = await Promise.all([
      sides.claim(ask, places, ofKey),
      isGroupRated ? sides.countGroup(groupId, ofGroup) : null,
    ])
    if (!isRated(keyRates, groupRates)) return { claimed, counted: null }
    const left = tightest(claimed.counted.left, group?.counted.left ?? null)
    lastSeen.set(nameOf(request), { left, at: monotonic() })
    const isCountedByKey = claimed.kind !== 'refused'
    const isCountedByGroup = group !== null && group.refused === null
    const counted = createCount(request, left, {
      key: isCountedByKey ? claimed.counted : null,
      group: isCountedByGroup ? group.counted : null,
    })
    const keyRefusal = claimed.kind === 'refused' && isRate(claimed.reason) ? claimed.reason : null
    const refusal = keyRefusal ?? group?.refused ?? null
    if (claimed.kind === 'refused' || refusal !== null) counted.withdraw()
    if (refusal === null) return { claimed, counted }
    if (claimed.kind !== 'refused') giveUp(ask, claimed.kind)
    throw refusedRate(refusal, [claimed.kind === 'refused' ? claimed.waitMs : 0, group?.waitMs ?? 0], left)
  }

  /** What `claim` would answer now. One round trip. */
  async function look(request: AdmitRequest, ask: Ask, places: number | null): Promise<RatedLook> {
    const { ofKey, ofGroup, isGroupRated } = askedRates(request)
    const [looked, group] = await Promise.all([
      sides.look(ask, places, ofKey),
      isGroupRated ? sides.lookAtGroup(request.groupId, ofGroup) : null,
    ])
    const isUnrated = !isRated(request.keyRates, request.groupRates)
    const rates = isUnrated ? null : tightest(looked.left, group?.counted.left ?? null)
    const refusal = (isRate(looked.became) ? looked.became : null) ?? group?.refused ?? null
    const refused = refusal === null ? null : refusedRate(refusal, [looked.waitMs, group?.waitMs ?? 0], rates)
    return { looked, rates, refused }
  }

  /** The group refused what the user's side had taken. */
  function giveUp(ask: Ask, kind: 'held' | 'queued'): void {
    const undone = kind === 'held' ? sides.release(ask) : leaveAndRelease(ask)
    // Where it cannot be undone, the instance comes back as somebody else, and it counts no more.
    undone.catch(() => sides.undo(ask)).catch(onLost)
  }

  async function leaveAndRelease(ask: Ask): Promise<void> {
    const { wasHeld } = await sides.leave(ask)
    if (wasHeld) await sides.release(ask)
  }

  function createCount(
    request: AdmitRequest,
    left: RatesLeft,
    counted: Record<'key' | 'group', Counted | null>,
  ): Count {
    const { userId, keyId, groupId, estimatedTokens } = request
    let isSettled = false
    function correct(requests: number, tokens: number): void {
      if (isSettled) return
      isSettled = true
      if (requests === 0 && tokens === 0) return
      // A minute later it is forgotten anyway.
      if (counted.key?.left) sides.correctKey(userId, keyId, counted.key, requests, tokens).catch(() => {})
      if (counted.group?.left) sides.correctGroup(groupId, counted.group, requests, tokens).catch(() => {})
    }
    return {
      rates: left,
      settleTokens: (tokens) => correct(0, estimatedTokens - tokens),
      withdraw: () => correct(1, estimatedTokens),
    }
  }

  /** What was last heard, as far as time has not changed it. */
  function left(caller: RatedCaller): RatesLeft | null {
    if (!isRated(caller.keyRates, caller.groupRates)) return null
    const { keyRates, groupRates } = caller
    const seen = lastSeen.get(nameOf(caller))
    const agoMs = seen === undefined ? RATE_WINDOW_MS : monotonic() - seen.at
    const all = (limit: number | null): RateLeft | null =>
      limit === null ? null : { limit, remaining: limit, resetMs: 0 }
    if (seen === undefined || agoMs >= RATE_WINDOW_MS) {
      return {
        requests: tighter(all(keyRates.requestsPerMinute), all(groupRates.requestsPerMinute)),
        tokens: tighter(all(keyRates.tokensPerMinute), all(groupRates.tokensPerMinute)),
      }
    }
    return { requests: aged(seen.left.requests, agoMs), tokens: aged(seen.left.tokens, agoMs) }
  }

  return { claim, look, left }
}

function askedRates({ keyRates, groupRates, estimatedTokens: tokens }: AdmitRequest) {
  const ask = ({ requestsPerMinute, tokensPerMinute }: RateLimits): RateAsk => {
    return { requestsLimit: requestsPerMinute, tokensLimit: tokensPerMinute, tokens }
  }
  const isGroupRated = groupRates.requestsPerMinute !== null || groupRates.tokensPerMinute !== null
  return { ofKey: ask(keyRates), ofGroup: ask(groupRates), isGroupRated }
}

function refusedRate(refusal: 'requests' | 'tokens', waitsMs: readonly number[], rates: RatesLeft | null) {
  return new GatewayError(refusal === 'requests' ? 'requests_per_minute' : 'tokens_per_minute', {
    retryAfterMs: Math.min(RATE_WINDOW_MS, Math.max(...waitsMs)),
    rates,
  })
}

function isRate(reason: string): reason is 'requests' | 'tokens' {
  return reason === 'requests' || reason === 'tokens'
}

function nameOf({ keyId, groupId }: Pick<RatedCaller, 'keyId' | 'groupId'>): string {
  return `${keyId}:${groupId}`
}

function tightest(one: RatesLeft | null, other: RatesLeft | null): RatesLeft {
  return {
    requests: tighter(one?.requests ?? null, other?.requests ?? null),
    tokens: tighter(one?.tokens ?? null, other?.tokens ?? null),
  }
}

function aged(left: RateLeft | null, agoMs: number): RateLeft | null {
  return left === null ? null : { ...left, resetMs: Math.max(0, left.resetMs - agoMs) }
}
