import { expect, test } from 'vitest'
import { createShortcutReader } from './shortcuts.ts'

test('g and a letter lead to a page, when they come together', () => {
  const read = createShortcutReader()
  expect(read('g', 0)).toBeNull()
  expect(read('r', 1_500)).toEqual({ kind: 'go', href: '/requests' })
  expect(read('g', 2_000)).toBeNull()
  expect(read('r', 3_501)).toBeNull()
})

test('a letter by itself, or one that leads nowhere, does nothing', () => {
  const read = createShortcutReader()
  expect(read('r', 0)).toBeNull()
  expect(read('g', 0)).toBeNull()
  expect(read('x', 1)).toBeNull()
  expect(read('r', 2)).toBeNull()
})

test('a question mark asks for help, also after a g', () => {
  const read = createShortcutReader()
  read('g', 0)
  expect(read('?', 1)).toEqual({ kind: 'help' })
  expect(read('r', 2)).toBeNull()
})
