import { estimateInputTokens } from '@turnpike/core/gateway/estimate-tokens'
import type { Log } from '../../shared/logger.ts'

/** Counts tokens, and where counting fails, by length: a request must not lose its outcome for that. Never rejects. */
export function createTokenCounter({ count, log }: { count(text: string): Promise<number>; log: Log }) {
  return async function countTokens(text: string): Promise<number> {
    try {
      return await count(text)
    } catch (error) {
      log.error({ err: error }, 'tokens could not be counted; they are estimated by length')
      return estimateInputTokens(Buffer.byteLength(text))
    }
  }
}
