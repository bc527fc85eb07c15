import { createTurnpikeClient, type TurnpikeClient } from '@turnpike/client'
import type { Turnpike } from './start-turnpike.ts'

/** The panel's own way in, as a program: signed in as the quick start's owner. */
export async function signIn({ facts, origin }: Turnpike): Promise<TurnpikeClient> {
  const client = openClient(origin)
  await client.auth.login.mutate({ email: facts.adminEmail, password: facts.adminPassword })
  return client
}

/** A client that keeps its cookie as a browser does; nobody is signed in yet. */
export function openClient(origin: string): TurnpikeClient {
  let cookie = ''
  return createTurnpikeClient({
    url: origin,
    async fetch(input, init) {
      const response = await fetch(input, { ...init, headers: { ...Object(init?.headers), cookie } })
      for (const set of response.headers.getSetCookie()) cookie = set.split(';')[0] ?? ''
      return response
    },
  })
}
