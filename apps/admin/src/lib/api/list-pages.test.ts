import { expect, test } from 'vitest'
import { type ListPage, withNewerStart, withNextPage } from './list-pages.ts'

function pageOf(ids: number[], nextCursor: string | null) {
  return { items: ids.map((id) => ({ id })), nextCursor }
}

test('a further page comes after what is loaded, and ends where it ends', () => {
  expect(withNextPage(pageOf([9, 8], 'c8'), pageOf([7, 6], null))).toEqual(pageOf([9, 8, 7, 6], null))
})

test('what moved from one page to the next is there once', () => {
  expect(withNextPage(pageOf([9, 8], 'c8'), pageOf([8, 7], 'c7'))).toEqual(pageOf([9, 8, 7], 'c7'))
})

test.each([
  { what: 'nothing changed', start: pageOf([9, 8], 'c8'), expected: pageOf([9, 8, 7, 6], 'c6') },
  { what: 'one came in above', start: pageOf([10, 9], 'c9'), expected: pageOf([10, 9, 8, 7, 6], 'c6') },
  { what: 'one is gone', start: pageOf([9, 7], 'c7'), expected: pageOf([9, 7, 6], 'c6') },
  { what: 'more came in than was asked for', start: pageOf([13, 12], 'c12'), expected: pageOf([13, 12], 'c12') },
  { what: 'it covers all that was loaded', start: pageOf([8, 7, 6], 'd6'), expected: pageOf([8, 7, 6], 'd6') },
  { what: 'the list ends in it', start: pageOf([9], null), expected: pageOf([9], null) },
  { what: 'the list is empty', start: pageOf([], null), expected: pageOf([], null) },
])('a newer start keeps what was loaded below it: $what', ({ start, expected }) => {
  expect(withNewerStart(pageOf([9, 8, 7, 6], 'c6'), start)).toEqual(expected)
})

test('requests are told apart by their own ids', () => {
  const requests = (ids: string[], nextCursor: string | null): ListPage => ({
    items: ids.map((requestId) => ({ requestId })),
    nextCursor,
  })
  expect(withNewerStart(requests(['b', 'a'], null), requests(['c', 'b'], 'cb'))).toEqual(
    requests(['c', 'b', 'a'], null),
  )
})

test('what else a page tells is that of the newest start', () => {
  const loaded = { ...pageOf([2, 1], null), total: 2 }
  expect(withNewerStart(loaded, { ...pageOf([3, 2], 'c2'), total: 3 }).total).toBe(3)
  expect(withNextPage(loaded, { ...pageOf([0], null), total: 9 }).total).toBe(2)
})
