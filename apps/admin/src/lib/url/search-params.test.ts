import { expect, test } from 'vitest'
import { readId, readOneOf, readText, withParams } from './search-params.ts'

const url = new URL('https://panel.example/requests?user=3&model=gpt-4o')

test('a change keeps the other parameters', () => {
  expect(withParams(url, { model: 'o3', page: 2 })).toBe('/requests?user=3&model=o3&page=2')
})

test.each([[null], [undefined], ['']])('%j takes a parameter out', (value) => {
  expect(withParams(url, { user: value, model: value })).toBe('/requests')
})

test('hostile values are escaped', () => {
  expect(withParams(new URL('https://panel.example/keys'), { q: '"><script>&=' })).toBe(
    '/keys?q=%22%3E%3Cscript%3E%26%3D',
  )
})

test.each([
  ['7', 7],
  ['0', undefined],
  ['-1', undefined],
  ['1.5', undefined],
  ['1e3', undefined],
  ['9999999999999999', undefined],
  ['', undefined],
])('an id of %j reads as %s', (text, expected) => {
  expect(readId(new URLSearchParams({ id: text }), 'id')).toBe(expected)
})

test('only a word of the list is read', () => {
  const params = new URLSearchParams({ status: 'active', role: 'emperor' })
  expect(readOneOf(params, 'status', ['active', 'disabled'])).toBe('active')
  expect(readOneOf(params, 'role', ['admin'])).toBeUndefined()
  expect(readOneOf(params, 'none', ['admin'])).toBeUndefined()
})

test('text is trimmed and cut at its bound', () => {
  const params = new URLSearchParams({ a: '  x ', b: '   ', c: 'y'.repeat(201) })
  expect(readText(params, 'a')).toBe('x')
  expect(readText(params, 'b')).toBeUndefined()
  expect(readText(params, 'c')).toHaveLength(200)
})
