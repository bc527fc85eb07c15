import type { NextFunction, Request, Response } from 'express'

const MAX_AGE_SECONDS = 600
/** What a page may read of an answer: all that the gateway says of itself. */
const EXPOSED = [
  'x-request-id',
  'x-client-request-id',
  'openai-processing-ms',
  'openai-version',
  'server-timing',
  'x-turnpike-attempts',
  'x-turnpike-queue-ms',
  'x-ratelimit-limit-requests',
  'x-ratelimit-remaining-requests',
  'x-ratelimit-reset-requests',
  'x-ratelimit-limit-tokens',
  'x-ratelimit-remaining-tokens',
  'x-ratelimit-reset-tokens',
  'retry-after',
  'retry-after-ms',
  'x-should-retry',
].join(', ')

/** Lets pages of the configured origins call `/v1` with a bearer token; never with cookies. */
export function createCors(origins: readonly string[]) {
  const allowed = new Set(origins)

  return function cors(request: Request, response: Response, next: NextFunction): void {
    const { origin } = request.headers
    if (origin === undefined || !allowed.has(origin)) return next()
    response.setHeader('access-control-allow-origin', origin)
    response.setHeader('vary', 'Origin')
    response.setHeader('access-control-expose-headers', EXPOSED)
    if (request.method !== 'OPTIONS') return next()
    response.setHeader('access-control-allow-methods', 'GET, POST, DELETE')
    response.setHeader('access-control-allow-headers', String(request.headers['access-control-request-headers'] ?? '*'))
    response.setHeader('access-control-max-age', String(MAX_AGE_SECONDS))
    response.writeHead(204).end()
  }
}
