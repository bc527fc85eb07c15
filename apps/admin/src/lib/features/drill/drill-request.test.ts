import { expect, test } from 'vitest'
import { judgeAnswer } from './drill-request.ts'

test.each([
  ['whole', 200, 'data: {"choices":[]}\n\ndata: [DONE]\n\n', { isOk: true }],
  ['without its last event', 200, 'data: {"choices":[]}\n\n', { isOk: false, status: 200, code: null }],
  [
    'with an error in its stream',
    200,
    'data: {"choices":[]}\n\ndata: {"error":{"code":"upstream_stalled"}}\n\ndata: [DONE]\n\n',
    { isOk: false, status: 200, code: 'upstream_stalled' },
  ],
  [
    'refused',
    503,
    '{"error":{"code":"no_available_accounts"}}',
    { isOk: false, status: 503, code: 'no_available_accounts' },
  ],
  ['refused by something in between', 502, '<html>', { isOk: false, status: 502, code: null }],
])('an answer that is %s counts as what it is', (_what, status, body, expected) => {
  expect(judgeAnswer(status, body)).toEqual(expected)
})
