import type { Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout } from 'node:timers/promises'
import { promisify } from 'node:util'

const LOOK_EVERY_MS = 20

/** Resolves when the server listens. Rejects with the system's error, e.g. EADDRINUSE. */
export async function listen(server: Server, host: string, port: number): Promise<AddressInfo> {
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  server.once('error', reject)
  server.listen(port, host, resolve)
  await promise
  server.off('error', reject)
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('The server does not listen on a port')
  return address
}

/** Resolves when the server has no connection left, or after `timeoutMs`. It goes on listening. */
export async function untilAlone(server: Server, timeoutMs: number): Promise<void> {
  const until = performance.now() + timeoutMs
  while ((await connectionsOf(server)) > 0 && performance.now() < until) await setTimeout(LOOK_EVERY_MS)
}

function connectionsOf(server: Server): Promise<number> {
  return promisify(server.getConnections.bind(server))()
}
