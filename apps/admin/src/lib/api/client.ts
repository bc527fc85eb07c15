import { createTurnpikeClient, type TurnpikeClient } from '@turnpike/client'

/** Longer than the server's longest procedure. */
const DEADLINE_MS = 40_000

export type Api = TurnpikeClient

/** The server this page came from. */
export function createApi(): Api {
  return createTurnpikeClient({ url: location.origin, fetch: fetchInTime })
}

const fetchInTime: typeof fetch = (input, init) => {
  const deadline = AbortSignal.timeout(DEADLINE_MS)
  return fetch(input, { ...init, signal: init?.signal ? AbortSignal.any([init.signal, deadline]) : deadline })
}
