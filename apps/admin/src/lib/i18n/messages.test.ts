import { expect, test } from 'vitest'
import en from '../../../messages/en.json' with { type: 'json' }
import zh from '../../../messages/zh.json' with { type: 'json' }

const LANGUAGES = { en, zh }

function placeholders(text: string): string[] {
  return (text.match(/\{\w+\}/g) ?? []).sort()
}

test('every message is there in both languages', () => {
  expect(Object.keys(zh)).toEqual(Object.keys(en))
})

test.each(Object.entries(LANGUAGES))('no message of %s is empty', (_language, messages) => {
  expect(Object.entries(messages).filter(([, text]) => text.trim() === '')).toEqual([])
})

test('a message takes the same values in both languages', () => {
  const chinese = new Map(Object.entries(zh))
  const differing = Object.entries(en).filter(
    ([name, text]) => placeholders(text).join() !== placeholders(chinese.get(name) ?? '').join(),
  )
  expect(differing).toEqual([])
})
