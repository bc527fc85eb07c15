import type { Fault } from './fault.ts'

export interface FaultState {
  fault: Fault
  /** Requests it met so far. */
  hits: number
  /** Requests it will still meet; null = until cleared. */
  remaining: number | null
  /** Epoch ms of its end; null = until cleared. */
  endsAtMs: number | null
}

export interface FaultList {
  add(fault: Fault): void
  clear(): void
  /** The fault this request meets, counted as a hit; null = none. */
  take(request: { key: string | null; model: string | null }): Fault | null
  /** For people to look at: keys are shortened to their last four characters. */
  list(): FaultState[]
}

/** Faults are tried in the order they were set; one that is used up, or whose time is over, makes room for the next. */
export function createFaultList(seed: number, clock: { now(): number }): FaultList {
  let states: FaultState[] = []
  let random = seededRandom(seed)

  return {
    add(fault) {
      const { times = null, forSeconds } = fault
      const endsAtMs = forSeconds === undefined ? null : clock.now() + forSeconds * 1000
      states.push({ fault, hits: 0, remaining: times, endsAtMs })
    },
    clear() {
      states = []
      random = seededRandom(seed)
    },
    take(request) {
      if (states.length === 0) return null
      forgetEnded()
      const state = states.find(({ fault }) => matches(fault, request) && isDrawn(fault, random))
      if (state === undefined) return null
      state.hits += 1
      if (state.remaining !== null) {
        state.remaining -= 1
        if (state.remaining === 0) states = states.filter((other) => other !== state)
      }
      return state.fault
    },
    list() {
      forgetEnded()
      return states.map((state) => ({ ...state, fault: withoutKey(state.fault) }))
    },
  }

  function forgetEnded(): void {
    const nowMs = clock.now()
    if (states.some((state) => isOver(state, nowMs))) states = states.filter((state) => !isOver(state, nowMs))
  }
}

function isOver({ endsAtMs }: FaultState, nowMs: number): boolean {
  return endsAtMs !== null && nowMs >= endsAtMs
}

function matches(fault: Fault, request: { key: string | null; model: string | null }): boolean {
  if (fault.key !== undefined && fault.key !== request.key) return false
  return fault.model === undefined || fault.model === request.model
}

function withoutKey(fault: Fault): Fault {
  return fault.key === undefined ? fault : { ...fault, key: `…${fault.key.slice(-4)}` }
}

function isDrawn(fault: Fault, random: () => number): boolean {
  return fault.probability === undefined || random() < fault.probability
}

/** mulberry32: small, fast, and the same sequence everywhere. */
function seededRandom(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}
