import { opsExport, opsRequestsList } from '@turnpike/core/inputs/ops'
import { expect, test } from 'vitest'
import { isFiltered, readLookUp, readRequestFilters, readRequestId, toInput } from './request-filters.ts'

const ID = '0195f3a2-7c1e-7d10-9c58-0123456789ab'
const FOREIGN_ID = '0195f3a2-7c1e-4d10-9c58-0123456789ab'

function read(search: string) {
  return readRequestFilters(new URLSearchParams(search))
}

test('an address without filters asks for the last 24 hours', () => {
  expect(toInput(read(''))).toEqual({ range: '24h' })
  expect(isFiltered(read('range=7d'))).toBe(false)
})

test('every filter goes to the server', () => {
  const filters = read(
    `user=1&key=2&group=3&account=4&model=gpt-4o&outcome=failed&request=${ID}&range=1h&kind=request&status=502&code=upstream_failed&client=mine&endpoint=/v1/responses`,
  )
  expect(toInput(filters)).toEqual({
    range: '1h',
    userId: 1,
    keyId: 2,
    groupId: 3,
    accountId: 4,
    model: 'gpt-4o',
    outcome: 'failed',
    kind: 'request',
    status: 502,
    code: 'upstream_failed',
    endpoint: '/v1/responses',
    requestId: ID,
    clientRequestId: 'mine',
  })
  expect(isFiltered(filters)).toBe(true)
})

test('one request is looked for wherever it is, by its caller’s id as far back as is quick, unless a range was chosen', () => {
  expect(toInput(read(`request=${ID}`))).toEqual({ requestId: ID })
  expect(toInput(read('client=mine'))).toEqual({ clientRequestId: 'mine', range: '7d' })
  expect(toInput(read('client=mine&range=30d'))).toMatchObject({ range: '30d' })
})

test('a range of one’s own is taken as given, open ends too', () => {
  expect(toInput(read('range=custom&from=2026-03-01T00:00:00Z'))).toEqual({
    from: '2026-03-01T00:00:00.000Z',
  })
})

test('bounds left over from a range of one’s own do not count with another', () => {
  expect(toInput(read('range=1h&from=2020-01-01T00:00:00Z'))).toEqual({ range: '1h' })
})

test.each([
  'user=x&key=-1&group=0&account=1.5&outcome=nonsense&request=12&range=century&status=99&kind=both&endpoint=/x',
  'range=custom&from=yesterday&to=%00',
  `model=${'m'.repeat(300)}&code=${'c'.repeat(300)}&client=${'i'.repeat(300)}`,
])('a mangled address still makes a question the server takes: %s', (search) => {
  expect(opsRequestsList.safeParse(toInput(read(search))).success).toBe(true)
  expect(opsExport.safeParse({ what: 'requests', ...toInput(read(search)) }).success).toBe(true)
})

test('an export is of all pages', () => {
  expect(toInput(read('key=2'))).toEqual({ keyId: 2, range: '24h' })
})

test.each([
  [ID, ID],
  [`req_${ID.toUpperCase()} `, ID],
  ['0195f3a2', undefined],
  ['', undefined],
])('the request id in %j is %s', (text, expected) => expect(readRequestId(text)).toBe(expected))

test.each([
  [`x-request-id: ${ID}`, { request: ID, client: null }],
  [FOREIGN_ID, { request: null, client: FOREIGN_ID }],
  ['  order-17 ', { request: null, client: 'order-17' }],
  ['  ', { request: null, client: null }],
])('%j is looked up as what it is', (text, expected) => expect(readLookUp(text)).toEqual(expected))
