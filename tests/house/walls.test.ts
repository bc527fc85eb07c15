import { stripVTControlCharacters } from 'node:util'
import { expect, test } from 'vitest'
import { runCommand } from '../../scripts/run-command.ts'
import { plantTree } from '../support/planted-tree.ts'
import { DOORS, IMPORTS, NAMES, type Plant, SUPPORTING, value } from './wall-plants.ts'

const TIMEOUT_MS = 180_000
function treeOf(plants: Plant[]): Record<string, string> {
  return { ...DOORS, ...Object.fromEntries(plants.map(({ path, source }) => [path, source])) }
}

test('every wall of imports stands, and names the fix', async () => {
  await using tree = await plantTree({ ...treeOf(IMPORTS), ...SUPPORTING })
  const found = await depcruise(tree.dir)
  expect.soft(unplanted(found, IMPORTS)).toEqual([])
  for (const { rule, path, says } of IMPORTS) {
    const complaint = found.find((one) => one.rule === rule && one.path === path)
    expect.soft(complaint?.message, `${rule}: ${path}`).toContain(says)
  }
})

test('the doors themselves are no violation', async () => {
  await using tree = await plantTree(DOORS)
  expect(await depcruise(tree.dir)).toEqual([])
  expect(await oxlint(tree.dir)).toEqual([])
})

test('every wall of names stands, and names the fix', async () => {
  await using tree = await plantTree(treeOf(NAMES))
  const found = await oxlint(tree.dir)
  expect.soft(unplanted(found, NAMES)).toEqual([])
  for (const { rule, path, says } of NAMES) {
    const complaint = found.find((one) => one.rule.includes(`(${rule})`) && one.path === path)
    expect.soft(complaint?.message, `${rule}: ${path}`).toContain(says)
  }
})

test('tests beside the files may open what they test', async () => {
  await using tree = await plantTree({
    ...DOORS,
    'apps/server/src/features/keys/store.test.ts': `${value('undici')}export const a = [Date.now(), process.env.HOME]\n`,
    'packages/core/src/words.test.ts': 'export const a = [Date.now(), new Date(), process.env.HOME]\n',
  })
  expect(await depcruise(tree.dir)).toEqual([])
  expect(await oxlint(tree.dir)).toEqual([])
  expect(await biome(tree.dir)).not.toContain('The core is pure')
})

test('the core cannot read the clock through new Date() either', async () => {
  await using tree = await plantTree({ 'packages/core/src/today.ts': 'export const a = () => new Date()\n' })
  expect(await biome(tree.dir)).toContain('The core is pure: take `nowMs` as an argument')
})

test('the lint of components speaks about literal text', async () => {
  await using tree = await plantTree({ 'apps/admin/src/page.svelte': '<p>Hello</p>\n' })
  const { code, output } = await run(tree.dir, ['node', 'lint/main.ts', 'apps/admin/src'])
  expect(code).toBe(1)
  expect(output).toContain('apps/admin/src/page.svelte:1:4 literal text "Hello": write it into apps/admin/messages')
})

interface Complaint {
  rule: string
  path: string
  message: string
}

/** What the rules say about files that do nothing wrong, or other rules about those that do. */
function unplanted(found: Complaint[], plants: Plant[]): Complaint[] {
  const paths = new Set([...plants.map(({ path }) => path), ...Object.keys(SUPPORTING)])
  return found.filter(({ path }) => !paths.has(path))
}

async function depcruise(dir: string): Promise<Complaint[]> {
  const { output } = await run(dir, ['depcruise', '--output-type', 'err-long', 'apps', 'packages'])
  return stripVTControlCharacters(output)
    .split(/^ {2}error /m)
    .slice(1)
    .map((text) => {
      const [, rule = '', path = '', message = ''] = /^(\S+): (\S+)([\s\S]*)$/.exec(text) ?? []
      return { rule, path, message: message.replace(/\s+/g, ' ') }
    })
}

async function oxlint(dir: string): Promise<Complaint[]> {
  const { output } = await run(dir, ['oxlint', '--type-aware', '--format=json', 'apps', 'packages'])
  const { diagnostics }: { diagnostics: { code: string; filename: string; message: string; help?: string }[] } =
    JSON.parse(output)
  return diagnostics.map(({ code, filename, message, help = '' }) => ({
    rule: code,
    path: filename,
    message: `${message} ${help}`,
  }))
}

async function biome(dir: string): Promise<string> {
  return (await run(dir, ['biome', 'lint', '--max-diagnostics=none', '.'])).output
}

function run(cwd: string, [command = '', ...args]: string[]) {
  return runCommand(command, args, { cwd, timeoutMs: TIMEOUT_MS })
}
