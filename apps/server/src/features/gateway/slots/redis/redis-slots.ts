import { GatewayError } from '@turnpike/core/gateway/errors'
import type { AccountWait, Admission, AdmitRequest, Candidate, Lease } from '@turnpike/core/gateway/ports'
import { every } from '../../../../shared/every.ts'
import type { Log } from '../../../../shared/logger.ts'
import { type RedisClient, untilAnswered } from '../../../../shared/redis.ts'
import { ACCOUNT_QUEUE_LIMIT } from '../account-slots.ts'
import type { GatewaySlots } from '../in-process-slots.ts'
import { LeaseBook } from '../lease-book.ts'
import { type AdmissionLook, USER_WAIT_MS, waitingPlaces } from '../user-slots.ts'
import { createBeating } from './beating.ts'
import { createHolds, type Hold } from './holds.ts'
import { createLoads, LOADS_EVERY_MS } from './loads.ts'
import { createLocalShare } from './local-share.ts'
import { BEAT_EVERY_MS, createMembership, type Membership } from './membership.ts'
import { Moved } from './moved.ts'
import { createSharedRates } from './shared-rates.ts'
import { type Ask, createSides } from './side.ts'
import { createWaiters } from './waiters.ts'

/** Who only looks names no request. */
const NOBODY = '-'

export interface RedisSlots extends GatewaySlots {
  /** Redis is slow or gone: every instance enforces its share alone. */
  isDegraded(): boolean
  /** Instances that live, this one included. */
  instances(): number
  close(): Promise<void>
}

interface RedisSlotsOptions {
  redis: Pick<RedisClient, 'commands' | 'subscriber'>
  namespace: string
  bootId: string
  monotonic: () => number
  log: Log
  /** Silence after which an instance is dead; shorter in tests. */
  liveMs?: number
  beatEveryMs?: number
}

/**
 * Slots, queues and rates of several instances (gateway.md, "Coordination"). Redis decides: one script for a user's side, one
 * for an account's. While it does not answer, each instance enforces its share of every limit by itself, what it holds
 * included; when it is back, what is held is registered again and who waits queues again. Resolves when this instance is known.
 */
export async function openRedisSlots(options: RedisSlotsOptions): Promise<RedisSlots> {
  const { redis, namespace, monotonic, log } = options
  const { commands } = redis
  const boot = options.bootId.replaceAll(/[^0-9A-Za-z]/g, '').slice(-12)
  const membership = createMembership({
    commands,
    namespace,
    boot,
    ...(options.liveMs !== undefined && { liveMs: options.liveMs }),
  })
  const book = new LeaseBook<Hold>()
  const sides = createSides({ commands, namespace, membership, onUnknown })
  const loads = createLoads({ commands, namespace, membership, monotonic })
  const local = createLocalShare({ monotonic })
  const rates = createSharedRates({ sides, onLost: degrade, monotonic })
  const waiters = createWaiters({ sides, onLost: degrade })
  const holds = createHolds({ book, sides, loads, membership, isShared: () => isShared, onLost: degrade, monotonic })
  let isShared = true
  let lostAt: number | null = null

  async function beat(): Promise<void> {
    const who = membership.me()
    try {
      const { isNew, hasDied } = await membership.beat().catch(membership.beat)
      // What was answered to who this instance was before says nothing of who it is now.
      if (membership.me() !== who) return
      if (!isShared) await recover()
      else if (isNew) degrade(new Error('Redis has forgotten this instance'))
      if (hasDied) waiters.pokeAll()
    } catch (error) {
      degrade(error)
    }
  }

  function onUnknown(ids: string): void {
    membership.suspect(ids)
    beating.soon()
  }

  /** From now on this instance enforces its share alone. What of its last words Redis still hears must not count. */
  function degrade(error: unknown): void {
    if (!isShared) return
    isShared = false
    lostAt = monotonic()
    const instances = membership.count()
    log.error({ err: error, instances }, 'slots are no longer shared: each instance keeps to its part')
    membership.renew()
    loads.forgetAll()
    local.begin(instances)
    for (const hold of book.leases()) hold.keepLocally(local.occupy(hold.ask, hold.candidate))
    waiters.moveAll()
  }

  async function recover(): Promise<void> {
    local.end()
    isShared = true
    await Promise.all(holds.registerAll())
    await membership.retire()
    log.info({ lostMs: monotonic() - (lostAt ?? monotonic()) }, 'slots are shared again')
  }

  async function admit(request: AdmitRequest): Promise<Admission> {
    let asks = 0
    const hold = await untilNotMoved(() => {
      asks++
      return isShared ? admitShared(request) : admitLocal(request)
    })
    // Who had to ask again waited before: for Redis, or in a queue that is no more.
    if (asks > 1) hold.hasQueued = true
    return hold
  }

  async function admitShared(request: AdmitRequest): Promise<Hold> {
    const ask = userAsk(request)
    const places = placesFor(request)
    const { claimed, counted } = await asked(ask, rates.claim(request, ask, places))
    if (claimed.kind === 'held') return holds.hold(ask, null).count(counted)
    if (claimed.kind === 'refused') throw refusalOf(claimed.reason)
    try {
      const became = await waiters.wait(ask, { waitMs: USER_WAIT_MS, client: request.client })
      if (became !== 'held') throw refusalOf(became)
      const hold = holds.hold(ask, null).count(counted)
      hold.hasQueued = true
      return hold
    } catch (error) {
      counted?.withdraw()
      throw error
    }
  }

  async function look(request: AdmitRequest): Promise<AdmissionLook> {
    if (!isShared) return local.look(request)
    const { looked, rates: left, refused } = await rates.look(request, userAsk(request), placesFor(request))
    const { became, load, heldOfPart } = looked
    const seen = { rates: left, user: { inFlight: load.held, waiting: load.waiting }, keyInFlight: heldOfPart }
    if (refused !== null) return { ...seen, refusal: refused, waitsFor: null }
    if (became === 'held') return { ...seen, refusal: null, waitsFor: null }
    const { keyConcurrency } = request
    const isKeyFull = keyConcurrency > 0 && heldOfPart >= keyConcurrency
    if (became === 'queued') {
      return { ...seen, refusal: null, waitsFor: isKeyFull ? 'key_concurrency_limit' : 'user_concurrency_limit' }
    }
    return { ...seen, refusal: refusalOf(became), waitsFor: null }
  }

  /** With Redis away: what this instance lends of them. */
  async function withLoads(candidates: readonly Candidate[]): Promise<Candidate[]> {
    if (!isShared) return [...candidates]
    return Promise.all(
      candidates.map(async (candidate) => {
        const { load } = await sides.look(accountAsk(candidate, NOBODY), null)
        return { ...candidate, live: { ...candidate.live, inFlight: load.held, waiting: load.waiting } }
      }),
    )
  }

  async function admitLocal(request: AdmitRequest): Promise<Hold> {
    const admission = await local.admit(request)
    const hold = holds.hold(userAsk(request), null)
    hold.hasQueued = admission.hasQueued
    hold.keepLocally(() => admission.release())
    return hold.count(admission)
  }

  async function takeAccount(candidate: Candidate, requestId: string): Promise<Lease | null> {
    return untilNotMoved(async () => {
      if (!isShared) return holdLocally(candidate, requestId, local.takeAccount(candidate, requestId))
      const ask = accountAsk(candidate, requestId)
      const claimed = await asked(ask, sides.claim(ask, null))
      if (claimed.kind === 'held') return learnt(holds.hold(ask, candidate), claimed.load)
      if (claimed.load !== null) loads.learn(candidate.accountId, claimed.load)
      return null
    })
  }

  async function waitForAccount(candidate: Candidate, wait: AccountWait): Promise<Lease | null> {
    return untilNotMoved(async () => {
      const { requestId } = wait
      if (!isShared) return holdLocally(candidate, requestId, await local.waitForAccount(candidate, wait))
      const ask = accountAsk(candidate, requestId)
      const claimed = await asked(ask, sides.claim(ask, ACCOUNT_QUEUE_LIMIT))
      if (claimed.kind === 'held') return learnt(holds.hold(ask, candidate), claimed.load)
      if (claimed.kind === 'refused') return null
      loads.change(candidate.accountId, candidate.live, 'waiting', 1)
      try {
        return (await waiters.wait(ask, wait)) === 'held' ? holds.hold(ask, candidate) : null
      } finally {
        if (isShared) loads.change(candidate.accountId, candidate.live, 'waiting', -1)
      }
    })
  }

  function learnt(hold: Hold, load: Parameters<typeof loads.learn>[1]): Hold {
    if (hold.candidate !== null) loads.learn(hold.candidate.accountId, load)
    return hold
  }

  function holdLocally(candidate: Candidate, requestId: string, lease: Lease | null): Lease | null {
    if (lease === null) return null
    const hold = holds.hold(accountAsk(candidate, requestId), candidate)
    hold.keepLocally(() => lease.release())
    return hold
  }

  /**
   * A claim. Where no answer came in time, it may have been heard all the same: it is undone, and made again if Redis does
   * answer now. An answer can be late because this process was.
   */
  async function asked<T>(ask: Ask, answer: Promise<T>): Promise<T> {
    const who = membership.me()
    try {
      const answered = await answer
      // What was granted to who this instance was before does not count any more.
      if (isShared && membership.me() === who) return answered
    } catch (error) {
      if (error instanceof GatewayError) throw error
      await sides
        .undo(ask)
        .catch(() => sides.undo(ask))
        .catch(degrade)
    }
    throw new Moved()
  }

  const woken = sides.channelOf(boot)
  const hear = (channel: string, name: string) => {
    if (channel === woken) waiters.wake(name)
  }
  redis.subscriber.on('message', hear)
  await untilAnswered(() => redis.subscriber.subscribe(woken))
  await untilAnswered(membership.beat)
  const beating = createBeating(beat, options.beatEveryMs ?? BEAT_EVERY_MS, log)
  const exchanging = every(
    LOADS_EVERY_MS,
    () => (isShared ? loads.exchange().catch(loads.exchange).catch(degrade) : undefined),
    log,
  )

  return {
    admit,
    look,
    withLoads,
    ratesLeft: (caller) => (isShared ? rates.left(caller) : local.ratesLeft(caller)),
    takeAccount,
    waitForAccount,
    waiters: () => waiters.count() + local.waiters(),
    sweep: local.sweep,
    rateWindows: local.rateWindows,
    book,
    isDegraded: () => !isShared,
    instances: membership.count,
    async close() {
      await Promise.all([beating.stop(), exchanging.stop()])
      redis.subscriber.off('message', hear)
      await leave(membership, redis, woken)
    },
  }
}

/** Places in the waiting room; null = nobody waits. */
function placesFor(request: AdmitRequest): number | null {
  return request.onBusy === 'fail' ? null : waitingPlaces(request)
}

function userAsk({ userId, userConcurrency, keyId, keyConcurrency, requestId }: AdmitRequest): Ask {
  return {
    owner: { kind: 'user', id: userId },
    limit: userConcurrency,
    part: keyId,
    partLimit: keyConcurrency,
    requestId,
  }
}

function accountAsk({ accountId, concurrency }: Candidate, requestId: string): Ask {
  return { owner: { kind: 'account', id: accountId }, limit: concurrency, part: 0, partLimit: 0, requestId }
}

function refusalOf(reason: 'full' | 'part_full' | 'queue_full' | 'requests' | 'tokens'): GatewayError {
  if (reason === 'queue_full') return new GatewayError('queue_full')
  return new GatewayError(reason === 'part_full' ? 'key_concurrency_limit' : 'user_concurrency_limit')
}

/** Shared and local coordination take over from each other, also in the middle of a wait. */
async function untilNotMoved<T>(attempt: () => Promise<T>): Promise<T> {
  for (;;) {
    try {
      return await attempt()
    } catch (error) {
      if (!(error instanceof Moved)) throw error
    }
  }
}

/** The others need not wait until this instance counts as dead. */
async function leave(membership: Membership, redis: RedisSlotsOptions['redis'], channel: string): Promise<void> {
  await Promise.allSettled([membership.leave(), redis.subscriber.unsubscribe(channel)])
}
