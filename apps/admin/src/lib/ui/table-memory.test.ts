import { expect, test } from 'vitest'
import { MAX_VIEWS, readTableMemory, withView } from './table-memory.ts'

const NOTHING = { hidden: [], views: [] }

test.each([null, '', '{', '[]', '7', '{"hidden":7,"views":{"a":1}}', '{"views":[null,7,{"name":"x"}]}'])(
  'what was stored as %j counts as nothing',
  (text) => expect(readTableMemory(text)).toEqual(NOTHING),
)

test('what was stored is read again', () => {
  const memory = { hidden: ['ip'], views: [{ name: 'Failed', search: '?outcome=failed', hidden: [] }] }
  expect(readTableMemory(JSON.stringify(memory))).toEqual(memory)
})

test('a view of the same name is replaced, and one without a name is not kept', () => {
  const first = { name: 'a', search: '?x=1', hidden: [] }
  expect(withView([first], { name: ' a ', search: '?x=2', hidden: ['ip'] })).toEqual([
    { name: 'a', search: '?x=2', hidden: ['ip'] },
  ])
  expect(withView([first], { name: '  ', search: '', hidden: [] })).toEqual([first])
})

test('the oldest goes when there are too many', () => {
  const many = Array.from({ length: MAX_VIEWS }, (_, index) => ({ name: `v${index}`, search: '', hidden: [] }))
  const next = withView(many, { name: 'new', search: '', hidden: [] })
  expect(next).toHaveLength(MAX_VIEWS)
  expect(next[0]?.name).toBe('v1')
  expect(next.at(-1)?.name).toBe('new')
})
