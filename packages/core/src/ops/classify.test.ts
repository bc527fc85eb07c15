import { expect, test } from 'vitest'
import type { OutcomeKind } from '../words.ts'
import { failureCode, type Verdict, verdictOf } from './classify.ts'
import { nearestRank } from './nearest-rank.ts'

test.each<[OutcomeKind, string | null, Verdict]>([
  ['completed', null, 'success'],
  ['incomplete', null, 'success'],
  ['client_closed', null, 'neither'],
  ['rejected_upstream', 'context_length_exceeded', 'neither'],
  ['failed', 'invalid_api_key', 'neither'],
  ['failed', 'queue_full', 'neither'],
  ['failed', 'no_available_accounts', 'error'],
  ['failed', 'internal_error', 'error'],
  ['exhausted', 'upstream_rate_limit', 'error'],
  ['upstream_cut', null, 'error'],
  ['upstream_stalled', 'upstream_stalled', 'error'],
  ['unknown', null, 'error'],
  ['failed', 'a_code_of_the_upstream', 'error'],
])('%s with %s counts as %3$s', (outcome, errorCode, verdict) => {
  expect(verdictOf({ outcome, errorCode })).toBe(verdict)
})

test.each([
  [[], 0.5, null],
  [[7], 0.5, 7],
  [[7], 0.99, 7],
  [[1, 2], 0.5, 1],
  [[1, 2, 3], 0.5, 2],
  [[1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20], 0.95, 19],
  [[1, 2, 3], 0, 1],
] as const)('of %j the value at share %d is %j', (sorted, share, value) => {
  expect(nearestRank(sorted, share)).toBe(value)
})

test.each<[OutcomeKind, string | null, string | null]>([
  ['completed', null, null],
  ['client_closed', null, null],
  ['rejected_upstream', 'context_length_exceeded', 'rejected_upstream'],
  ['upstream_cut', 'upstream_invalid_response', 'upstream_invalid_response'],
  ['upstream_cut', null, 'upstream_cut'],
  ['upstream_stalled', null, 'upstream_stalled'],
  ['unknown', 'internal_error', 'unknown'],
  ['failed', 'queue_full', 'queue_full'],
  ['failed', 'made_up', 'upstream_cut'],
])('%s with %s failed by %s', (outcome, errorCode, code) => {
  expect(failureCode({ outcome, errorCode })).toBe(code)
})
