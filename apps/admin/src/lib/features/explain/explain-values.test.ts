import { expect, test } from 'vitest'
import { askedOf, explainParams, readExplainValues } from './explain-values.ts'

function read(search: string) {
  return readExplainValues(new URLSearchParams(search))
}

test('an address tells what is asked, and only that', () => {
  expect(askedOf(read('key=2&model=m&output=100&ip=10.0.0.1'))).toEqual({
    keyId: 2,
    model: 'm',
    endpoint: '/v1/chat/completions',
    maxOutputTokens: 100,
    clientIp: '10.0.0.1',
  })
  expect(askedOf(read('by=group&key=2&user=3&group=4&model=m&session=s'))).toEqual({
    userId: 3,
    groupId: 4,
    model: 'm',
    endpoint: '/v1/chat/completions',
    session: 's',
  })
})

test('a previous response is asked for where responses are', () => {
  expect(askedOf(read('key=2&model=m&previous=resp_1'))?.previousResponseId).toBe(undefined)
  const asked = askedOf(read('key=2&model=m&previous=resp_1&endpoint=/v1/responses'))
  expect(asked).toMatchObject({ previousResponseId: 'resp_1' })
})

test.each(['', 'key=2', 'key=x&model=m', 'by=group&model=m&user=1', 'key=2&model=m&input=many', 'key=2&model=m&ip=x'])(
  '%j asks nothing yet',
  (search) => expect(askedOf(read(search))).toBe(null),
)

test('what was typed and does not count is not kept in the address', () => {
  const byGroup = explainParams(read('by=group&key=2&user=3&group=4&model=m'))
  expect(byGroup).toMatchObject({ by: 'group', key: null, user: '3' })
  const byKey = explainParams(read('key=2&user=3&group=4&model=m'))
  expect(byKey).toMatchObject({ by: null, key: '2', user: null, group: null })
})
