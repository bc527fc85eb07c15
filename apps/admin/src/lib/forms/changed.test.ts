import { expect, test } from 'vitest'
import { changed } from './changed.ts'

test('only what differs is sent', () => {
  const before = { name: 'a', limits: { day: '1', week: null }, models: ['x'], notes: '' }
  expect(changed(before, { ...before, limits: { day: '2', week: null } })).toEqual({ limits: { day: '2', week: null } })
})

test('equal content in another object is no change', () => {
  expect(changed({ models: ['x'], limits: { day: null } }, { models: ['x'], limits: { day: null } })).toEqual({})
})

test('another order is a change', () => {
  expect(changed({ models: ['x', 'y'] }, { models: ['y', 'x'] })).toEqual({ models: ['y', 'x'] })
})

test('what was given up is sent as null', () => {
  expect(changed<{ expiresAt: string | null }>({ expiresAt: '2027-01-01T00:00:00Z' }, { expiresAt: null })).toEqual({
    expiresAt: null,
  })
})
