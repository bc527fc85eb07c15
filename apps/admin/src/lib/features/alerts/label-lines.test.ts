import { expect, test } from 'vitest'
import { labelParams, parseLabels, printLabels, readLabelParams } from './label-lines.ts'

test('labels are lines of name=value, and read back as they were', () => {
  const labels = { group: '3', url: 'a=b' }
  expect(printLabels(labels)).toBe('group=3\nurl=a=b')
  expect(parseLabels(' group = 3 \n\nurl=a=b')).toEqual(labels)
})

test('a line that is no label is kept for the schema to refuse', () => {
  expect(parseLabels('group')).toEqual({ group: '' })
})

test('an address carries labels and nothing else of its own', () => {
  const params = new URLSearchParams({ rule: '7', ...labelParams({ group: '3' }) })
  expect(readLabelParams(params)).toEqual({ group: '3' })
})
