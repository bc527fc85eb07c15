import type { NextFunction, Request, Response } from 'express'

const MAX_AGE_SECONDS = 600

/** Lets pages of the configured origins call `/v1` with a bearer token; never with cookies. */
export function createCors(origins: readonly string[]) {
  const allowed = new Set(origins)

  return function cors(request: Request, response: Response, next: NextFunction): void {
    const { origin } = request.headers
    if (origin === undefined || !allowed.has(origin)) return next()
    response.setHeader('access-control-allow-origin', origin)
    response.setHeader('vary', 'Origin')
    response.setHeader('access-control-expose-headers', 'x-request-id, retry-after, retry-after-ms, x-should-retry')
    if (request.method !== 'OPTIONS') return next()
    response.setHeader('access-control-allow-methods', 'GET, POST')
    response.setHeader('access-control-allow-headers', String(request.headers['access-control-request-headers'] ?? '*'))
    response.setHeader('access-control-max-age', String(MAX_AGE_SECONDS))
    response.writeHead(204).end()
  }
}
