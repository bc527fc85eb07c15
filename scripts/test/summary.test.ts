import { expect, test } from 'vitest'
import { summarize } from './summary.ts'

test('ends with the counts alone on the last line', () => {
  expect(summarize({ passed: 3, failed: 1, skipped: [] }, false)).toEqual({
    text: '3 passed, 1 failed\n',
    isGreen: false,
  })
})

test('names what was skipped and stays green on a machine without it', () => {
  const { text, isGreen } = summarize({ passed: 3, failed: 0, skipped: ['tests/panel/live.test.ts > shows'] }, false)
  expect(text).toContain('  tests/panel/live.test.ts > shows\n')
  expect(text.split('\n').at(-2)).toBe('3 passed, 0 failed')
  expect(isGreen).toBe(true)
})

test('counts what was skipped as failed under CI=true', () => {
  const { text, isGreen } = summarize({ passed: 3, failed: 0, skipped: ['a', 'b'] }, true)
  expect(text).toMatch(/\n3 passed, 2 failed\n$/)
  expect(isGreen).toBe(false)
})

test('is not green when nothing ran', () => {
  expect(summarize({ passed: 0, failed: 0, skipped: [] }, false).isGreen).toBe(false)
})
