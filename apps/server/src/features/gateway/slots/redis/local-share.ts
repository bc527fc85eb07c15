import { ClientLeft } from '@turnpike/core/gateway/client-left'
import type { AccountWait, Admission, AdmitRequest, Candidate, Lease, RateLimits } from '@turnpike/core/gateway/ports'
import { createInProcessSlots } from '../in-process-slots.ts'
import { type SlotAsk, waitingPlaces } from '../user-slots.ts'
import { Moved } from './moved.ts'
import type { Ask } from './side.ts'

/** This instance's part of every limit, rounded up, while nobody can be asked. */
export function createLocalShare({ monotonic }: { monotonic: () => number }) {
  let slots = createInProcessSlots({ monotonic })
  let instances = 1
  let over = new AbortController()

  const share = (limit: number) => (limit === 0 ? 0 : Math.ceil(limit / instances))
  const shareOrNone = (limit: number | null) => (limit === null ? null : share(limit))
  const rateShare = ({ requestsPerMinute, tokensPerMinute }: RateLimits): RateLimits => ({
    requestsPerMinute: shareOrNone(requestsPerMinute),
    tokensPerMinute: shareOrNone(tokensPerMinute),
  })
  /** Whoever the whole limit would have let in at once or let wait, waits here. */
  const placesFor = (request: AdmitRequest) =>
    waitingPlaces(request) + request.userConcurrency - share(request.userConcurrency)
  const shareOf = (request: AdmitRequest): SlotAsk => ({
    ...request,
    places: placesFor(request),
    userConcurrency: share(request.userConcurrency),
    keyConcurrency: share(request.keyConcurrency),
    keyRates: rateShare(request.keyRates),
    groupRates: rateShare(request.groupRates),
  })
  const sharedOut = (candidate: Candidate): Candidate => ({ ...candidate, concurrency: share(candidate.concurrency) })

  /** Waits end when Redis is back. Throws Moved then. */
  async function whileAlone<T>(client: AbortSignal, wait: (client: AbortSignal) => T | Promise<T>): Promise<T> {
    const { signal } = over
    try {
      return await wait(AbortSignal.any([client, signal]))
    } catch (error) {
      if (error instanceof ClientLeft && !client.aborted && signal.aborted) throw new Moved()
      throw error
    }
  }

  return {
    begin(count: number): void {
      instances = count
      over = new AbortController()
      slots = createInProcessSlots({ monotonic })
    },
    end: () => over.abort(),
    /** Something that is held already, whatever the limits say. */
    occupy: (ask: Ask, candidate: Candidate | null): (() => void) =>
      candidate === null
        ? slots.occupyUser({
            userId: ask.owner.id,
            limit: share(ask.limit),
            keyId: ask.part,
            keyLimit: share(ask.partLimit),
          })
        : slots.occupyAccount(sharedOut(candidate)),
    admit: (request: AdmitRequest): Promise<Admission> =>
      whileAlone(request.client, (client) => slots.admit({ ...shareOf(request), client })),
    look: (request: AdmitRequest) => slots.look(shareOf(request)),
    takeAccount: (candidate: Candidate, requestId: string): Lease | null =>
      slots.takeAccount(sharedOut(candidate), requestId),
    waitForAccount: (candidate: Candidate, wait: AccountWait): Promise<Lease | null> =>
      whileAlone(wait.client, (client) => slots.waitForAccount(sharedOut(candidate), { ...wait, client })),
    ratesLeft: (caller: Parameters<typeof slots.ratesLeft>[0]) => slots.ratesLeft(caller),
    waiters: () => slots.waiters(),
    sweep: () => slots.sweep(),
    rateWindows: () => slots.rateWindows(),
  }
}
