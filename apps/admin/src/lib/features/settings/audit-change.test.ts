import { expect, test } from 'vitest'
import { changeLines } from './audit-change.ts'

test('what was changed shows what it was, what was made shows what it is', () => {
  expect(changeLines({ name: { from: 'a', to: 'b' }, scopes: ['x'], days: { from: null, to: 3 }, note: 'n' })).toEqual([
    { name: 'name', from: 'a', to: 'b' },
    { name: 'scopes', from: null, to: '["x"]' },
    { name: 'days', from: 'null', to: '3' },
    { name: 'note', from: null, to: 'n' },
  ])
})
