import type { Endpoint } from '@turnpike/core/words'

const WITHOUT_OUTPUT: ReadonlySet<Endpoint> = new Set(['/v1/embeddings', '/v1/moderations'])

/** Some endpoints answer with no tokens, whatever their group assumes. */
export function answersInTokens(endpoint: Endpoint): boolean {
  return !WITHOUT_OUTPUT.has(endpoint)
}
