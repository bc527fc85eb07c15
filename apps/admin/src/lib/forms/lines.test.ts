import { expect, test } from 'vitest'
import { orNull, parseLines, parseWhole } from './lines.ts'

test('lines are trimmed, empty ones dropped, doubles named once', () => {
  expect(parseLines(' gpt-4o \n\n o3\r\ngpt-4o\n')).toEqual(['gpt-4o', 'o3'])
})

test.each([
  ['12', 12],
  [' 0 ', 0],
  ['-3', -3],
  ['', null],
  ['1.5', Number.NaN],
  ['1e3', Number.NaN],
  ['ten', Number.NaN],
])('%j is %s', (text, expected) => expect(parseWhole(text, null)).toEqual(expected))

test('blank text is none', () => {
  expect(orNull('  ')).toBeNull()
  expect(orNull(' 1.5 ')).toBe('1.5')
})
