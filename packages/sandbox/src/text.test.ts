import { describe, expect, test } from 'vitest'
import { ofBytes, ofWords, pieces, replyTo } from './text.ts'

describe('pieces', () => {
  test.each([undefined, 1, 3, 12, 100])('into %s events lose nothing and split no character', (events) => {
    const text = replyTo('a 🦊  and\n“quotes”')
    const parts = pieces(text, events)
    expect(parts.join('')).toBe(text)
    expect(parts.every((part) => part.isWellFormed())).toBe(true)
    if (events !== undefined) expect(parts).toHaveLength(events)
  })

  test('of no text are none', () => {
    expect(pieces('', undefined)).toEqual([])
  })
})

test.each([1, 5, 200])('a text of %i words has so many', (count) => {
  expect(ofWords('only three words', count).split(' ')).toHaveLength(count)
})

test.each([0, 1, 1000])('a text of %i bytes has so many', (bytes) => {
  expect(Buffer.byteLength(ofBytes(bytes))).toBe(bytes)
})

test('a prompt is echoed up to 200 characters, of any width', () => {
  expect(replyTo('🦊'.repeat(200))).toContain('🦊'.repeat(200))
  expect(replyTo('🦊'.repeat(201))).toContain(`“${'🦊'.repeat(199)}…”`)
  expect(replyTo('🦊'.repeat(900))).toContain(`“${'🦊'.repeat(199)}…”`)
})
