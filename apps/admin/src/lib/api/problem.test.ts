import { expect, test } from 'vitest'
import { isSignedOut, toProblem } from './problem.ts'

test('reason, field and request id of the API are kept', () => {
  const error = Object.assign(new Error('x'), { data: { reason: 'conflict', field: 'email', requestId: 'r1' } })
  expect(toProblem(error)).toEqual({ reason: 'conflict', field: 'email', requestId: 'r1' })
})

test.each([[new TypeError('fetch failed')], [null], ['text'], [{ data: null }], [{ data: { reason: 7 } }]])(
  'what carries no reason of ours means that no answer came: %o',
  (error) => expect(toProblem(error)).toEqual({ reason: 'unreachable', field: null, requestId: null }),
)

test('only a missing session asks for signing in again', () => {
  expect(isSignedOut({ reason: 'unauthenticated', field: null, requestId: null })).toBe(true)
  expect(isSignedOut({ reason: 'forbidden', field: null, requestId: null })).toBe(false)
})
