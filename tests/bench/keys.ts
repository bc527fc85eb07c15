import { createHash } from 'node:crypto'
import { API_KEY_BYTES, makeApiKey, type NewApiKey } from '../../apps/server/src/shared/api-key.ts'

/** Keys that more than one process can make again, so that 100,000 of them need not be sent about. */
export interface KeySet {
  seed: string
  count: number
}

export function keyOf({ seed }: KeySet, index: number): NewApiKey {
  const bytes = createHash('sha512').update(`${seed}:${index}`).digest()
  return makeApiKey(bytes.subarray(0, API_KEY_BYTES))
}
