import { expect, test } from 'vitest'
import { isLostTypeQuery } from './lost-type-query.ts'

const TYPES = 'select b.oid, b.typarray from pg_catalog.pg_type a'

test.each<[object, boolean]>([
  [{ code: 'CONNECTION_CLOSED', query: TYPES }, true],
  [{ code: 'ECONNREFUSED', query: TYPES }, true],
  [{ code: 'CONNECTION_CLOSED', query: 'select 1' }, false],
  [{ code: '42P01', query: TYPES }, false],
  [{ code: 'ECONNREFUSED' }, false],
])('%j is a lost question for types: %s', (members, isLost) => {
  expect(isLostTypeQuery(Object.assign(new Error('x'), members))).toBe(isLost)
})
