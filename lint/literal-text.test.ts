import { expect, test } from 'vitest'
import { findLiteralText } from './literal-text.ts'

const texts = (source: string) => findLiteralText(source).map(({ text }) => text)

test.each([
  ['text between tags', '<p>Hello</p>', 'Hello'],
  ['text in another script', '<p>你好</p>', '你好'],
  ['text inside a block', '{#if open}<b>Open</b>{:else}{name}{/if}', 'Open'],
  ['text of an else branch', '{#if open}{name}{:else}Closed{/if}', 'Closed'],
  ['text of an empty list', '{#each rows as row}{row}{:else}Nothing{/each}', 'Nothing'],
  ['text of a snippet', '{#snippet end()}Bye{/snippet}', 'Bye'],
  ['text inside a component', '<Card>Inside</Card>', 'Inside'],
  ['the title of the page', '<svelte:head><title>Keys</title></svelte:head>', 'Keys'],
  ['a placeholder', '<input placeholder="Search">', 'Search'],
  ['an aria-label in quotes with an expression', '<i aria-label="Close {name}"></i>', 'Close'],
  ['an alternative text', '<img alt="Logo" src="x">', 'Logo'],
  ['a prop that is shown', '<Field label="Name" />', 'Name'],
  ['a string that an expression may show', "<p>{open ? 'Open' : word}</p>", 'Open'],
  ['a template string', '<p>{`keys`}</p>', 'keys'],
  ['a fall-back', "<p>{name ?? 'unnamed'}</p>", 'unnamed'],
])('finds %s', (_what, source, text) => {
  expect(texts(source)).toEqual([text])
})

test.each([
  ['messages', '<p>{m.hello()}</p>'],
  ['signs and digits', '<p>· 100 % – {count}</p>'],
  ['names handed to functions', "<p>{format('short')}</p>"],
  ['attributes that nobody reads', '<p class="big" data-kind="x" id="y">{m.hello()}</p>'],
  ['what is marked as not to be translated', '<code translate="no">curl</code>'],
  ['scripts and styles', "<script>const a = 'word'</script><style>p { color: red }</style>"],
])('leaves %s alone', (_what, source) => {
  expect(texts(source)).toEqual([])
})

test('tells line and column', () => {
  expect(findLiteralText('<div>\n  <b>Hi</b>\n</div>')).toEqual([{ line: 2, column: 6, text: 'Hi' }])
})
