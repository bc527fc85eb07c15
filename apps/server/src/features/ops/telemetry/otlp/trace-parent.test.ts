import { expect, test } from 'vitest'
import { parseTraceParent } from './trace-parent.ts'

const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736'
const SPAN = '00f067aa0ba902b7'

test.each([
  ['sampled', `00-${TRACE}-${SPAN}-01`, 1],
  ['not sampled', `00-${TRACE}-${SPAN}-00`, 0],
  ['of a later version, with more behind it', `01-${TRACE}-${SPAN}-01-what-may-come`, 1],
  ['with flags nobody knows yet', `00-${TRACE}-${SPAN}-ff`, 1],
])('a parent that is %s is taken', (_what, header, traceFlags) => {
  expect(parseTraceParent(header)).toEqual({ traceId: TRACE, spanId: SPAN, traceFlags, isRemote: true })
})

test.each([
  null,
  '',
  'x',
  `00-${TRACE}-${SPAN}`,
  `00-${TRACE.toUpperCase()}-${SPAN}-01`,
  `00-${'0'.repeat(32)}-${SPAN}-01`,
  `00-${TRACE}-${'0'.repeat(16)}-01`,
  `ff-${TRACE}-${SPAN}-01`,
  `00-${TRACE}-${SPAN}-01-more`,
  `00-${TRACE}-${SPAN}-01\n`,
  ` 00-${TRACE}-${SPAN}-01`,
])('%j is no parent', (header) => {
  expect(parseTraceParent(header)).toBeNull()
})
