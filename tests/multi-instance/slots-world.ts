import { randomUUID } from 'node:crypto'
import { newAccountHealth } from '@turnpike/core/gateway/account-state'
import type { Admission, AdmitRequest, Candidate, RateLimits } from '@turnpike/core/gateway/ports'
import {
  createInProcessSlots,
  type GatewaySlots,
} from '../../apps/server/src/features/gateway/slots/in-process-slots.ts'
import { openRedisSlots, type RedisSlots } from '../../apps/server/src/features/gateway/slots/redis/redis-slots.ts'
import type { AdmissionLook } from '../../apps/server/src/features/gateway/slots/user-slots.ts'
import { silentLog } from '../../apps/server/src/shared/logger.ts'
import { openRedis } from '../../apps/server/src/shared/redis.ts'
import { parseRedisAddress } from '../../apps/server/src/shared/redis-address.ts'

export const NO_RATES: RateLimits = { requestsPerMinute: null, tokensPerMinute: null }
export const stays = new AbortController().signal

export interface SlotsWorld<Slots extends GatewaySlots = GatewaySlots> extends AsyncDisposable {
  slots: Slots
  ask(over?: Partial<AdmitRequest>): Promise<Admission>
  look(over?: Partial<AdmitRequest>): Promise<AdmissionLook>
}

const monotonic = () => performance.now()

export async function openInProcessWorld(): Promise<SlotsWorld> {
  const slots = createInProcessSlots({ monotonic })
  return { slots, ...askOf(slots), async [Symbol.asyncDispose]() {} }
}

/** One instance on a Redis; those of one `namespace` share what they hold. */
export async function openRedisWorld(
  url: string,
  namespace: string,
  timing: { liveMs?: number; beatEveryMs?: number } = {},
): Promise<SlotsWorld<RedisSlots>> {
  const address = parseRedisAddress(url)
  if (address === null) throw new Error(`${url} is no address of a Redis`)
  const redis = await openRedis(address, silentLog)
  const slots = await openRedisSlots({ redis, namespace, bootId: randomUUID(), monotonic, log: silentLog, ...timing })
  return {
    slots,
    ...askOf(slots),
    async [Symbol.asyncDispose]() {
      await slots.close()
      await redis.close()
    },
  }
}

/** A user with one slot, unless told otherwise. Refusals reject. */
function askOf(slots: GatewaySlots) {
  const requestOf = (over: Partial<AdmitRequest>): AdmitRequest => ({
    requestId: randomUUID(),
    userId: 1,
    userConcurrency: 1,
    keyId: 1,
    keyConcurrency: 0,
    keyRates: NO_RATES,
    groupId: 1,
    groupRates: NO_RATES,
    estimatedTokens: 0,
    onBusy: 'wait',
    client: stays,
    ...over,
  })
  return {
    ask: async (over: Partial<AdmitRequest> = {}): Promise<Admission> => slots.admit(requestOf(over)),
    look: async (over: Partial<AdmitRequest> = {}): Promise<AdmissionLook> => slots.look(requestOf(over)),
  }
}

export function candidate(over: Partial<Candidate> = {}): Candidate {
  return {
    accountId: 1,
    provider: 'sandbox',
    protocol: 'responses+chat',
    upstreamModel: 'm',
    priority: 50,
    weight: 1,
    concurrency: 1,
    blocked: null,
    expiresAtMs: Number.POSITIVE_INFINITY,
    affinityDomain: null,
    live: { inFlight: 0, waiting: 0, ttftMs: null, health: newAccountHealth() },
    ...over,
  }
}
