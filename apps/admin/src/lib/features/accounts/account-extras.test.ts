import { expect, test } from 'vitest'
import { hasBadHeaderName, headersOf, prioritiesOf, priorityTexts } from './account-extras.ts'

test('empty rows are no headers, and of two for one name the last one counts', () => {
  expect(
    headersOf([
      { name: ' X-Team ', value: ' one ' },
      { name: '', value: ' ' },
      { name: 'x-team', value: 'two' },
    ]),
  ).toEqual({ 'x-team': 'two' })
})

test.each([
  ['x-team', 'a', false],
  ['X-Team', 'a', false],
  ['x team', 'a', true],
  ['', 'a', true],
  ['', '', false],
  ['x'.repeat(100), 'a', false],
  ['x'.repeat(101), 'a', true],
])('a header named %j of value %j is no header: %s', (name, value, expected) => {
  expect(hasBadHeaderName([{ name, value }])).toBe(expected)
})

test('priorities go there and back, in the order of the groups', () => {
  const priorities = [
    { groupId: 2, priority: 0 },
    { groupId: 10, priority: 7 },
  ]
  expect(prioritiesOf(priorityTexts(priorities), [10, 2, 3])).toEqual(priorities)
})

test('a group that was taken out or left empty has none, and what is no number passes for none', () => {
  expect(prioritiesOf({ 2: '5', 3: ' ' }, [3])).toEqual([])
  expect(prioritiesOf({ 3: '1.5' }, [3])).toEqual([{ groupId: 3, priority: Number.NaN }])
})
