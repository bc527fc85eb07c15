import type { Call } from './call.ts'

/** Input is estimated before anything is counted: a token is seldom shorter than this. */
const BYTES_PER_TOKEN = 3

/** Input and output of a request at admission, in tokens: its bytes / 3, and the output it states or its group assumes. */
export function estimateTokens({ bytes, body, caller }: Pick<Call, 'bytes' | 'body' | 'caller'>): number {
  return estimateInputTokens(bytes.byteLength) + (body.maxOutputTokens ?? caller.group.assumedOutputTokens)
}

export function estimateInputTokens(bytes: number): number {
  return Math.ceil(bytes / BYTES_PER_TOKEN)
}
