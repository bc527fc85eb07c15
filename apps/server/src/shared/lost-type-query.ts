/**
 * postgres.js asks each new connection for its array types, and lets nobody hear when that connection is lost meanwhile: a
 * rejection without a handler, which would end the process. The connection is made anew by the next query that needs one.
 */
export function isLostTypeQuery(error: unknown): boolean {
  if (!(error instanceof Error) || !('query' in error) || !('code' in error)) return false
  return CONNECTION_LOST.test(String(error.code)) && String(error.query).includes('pg_catalog.pg_type')
}

/** Of the client and of the system; the server's own refusals have five characters. */
const CONNECTION_LOST = /^(?:CONNECTION_|CONNECT_|E[A-Z]{4,}|57P0\d)/
