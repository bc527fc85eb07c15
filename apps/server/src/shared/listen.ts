import type { Server } from 'node:http'
import type { AddressInfo } from 'node:net'

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
