import { estimateInputTokens } from '../gateway/estimate-tokens.ts'
import { NO_USAGE } from '../gateway/outcome.ts'
import { costOf, type Price } from './cost.ts'

export interface EstimatedRequest {
  inputBytes: number
  /** As the caller states it; null = he states none. */
  maxOutputTokens: number | null
  /** What his group assumes then. */
  assumedOutputTokens: number
  multiplierE4: number
}

/**
 * What a request may cost, in nano-dollars: its bytes / 3 as input and its maximum of output, by the dearest of the prices it
 * may be billed by (spec: accounts and billing, "Money"). Billed by one of them within that usage, it costs no more. No price
 * = nothing to estimate.
 */
export function estimateNano(request: EstimatedRequest, prices: readonly Price[]): number {
  const inputTokens = estimateInputTokens(request.inputBytes)
  const outputTokens = request.maxOutputTokens ?? request.assumedOutputTokens
  const { multiplierE4 } = request
  let dearest = 0
  for (const price of prices) {
    // Input may be read from a cache or written to it, at a price of its own.
    for (const part of [{}, { cachedInputTokens: inputTokens }, { cacheWriteTokens: inputTokens }]) {
      const { billedNano } = costOf({ ...NO_USAGE, inputTokens, outputTokens, ...part }, price, multiplierE4)
      dearest = Math.max(dearest, billedNano)
    }
  }
  return dearest
}
