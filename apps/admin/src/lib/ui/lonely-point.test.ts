import { expect, test } from 'vitest'
import { isLonely } from './lonely-point.ts'

test.each([
  ['between two gaps', [null, 0, null], 1, true],
  ['alone at the beginning', [3, null], 0, true],
  ['alone at the end', [null, 3], 1, true],
  ['beside another', [null, 3, 4], 1, false],
  ['a gap itself', [1, null, 1], 1, false],
])('%s', (_rule, values, index, expected) => expect(isLonely(values, index)).toBe(expected))
