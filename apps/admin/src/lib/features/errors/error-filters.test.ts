import { expect, test } from 'vitest'
import { isFiltered, readErrorFilters, toInput } from './error-filters.ts'

test('an address is read, what makes no sense in it is passed over', () => {
  const read = readErrorFilters(
    new URLSearchParams('range=6h&owner=provider&severity=P9&state=open&code=queue_full&account=x'),
  )
  expect(toInput(read)).toEqual({ range: '6h', owner: 'provider', resolved: false, code: 'queue_full' })
  expect(isFiltered(read)).toBe(true)
})

test('without anything it is the last day, not filtered', () => {
  const read = readErrorFilters(new URLSearchParams())
  expect(toInput(read)).toEqual({ range: '24h' })
  expect(isFiltered(read)).toBe(false)
})
