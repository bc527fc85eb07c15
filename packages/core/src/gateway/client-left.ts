/** The caller is gone: not an error of anybody, and nothing to answer. */
export class ClientLeft extends Error {
  override readonly name = 'ClientLeft'
  constructor() {
    super('The client left before the answer')
  }
}

/** Nobody is there any more to take an answer. */
export function hasLeft(client: AbortSignal): boolean {
  return client.aborted && !(client.reason instanceof ShuttingDown)
}

/** Why a request is cut short although its caller is still there: the server has to go. */
export class ShuttingDown extends Error {
  override readonly name = 'ShuttingDown'
  constructor() {
    super('The server is shutting down')
  }
}
