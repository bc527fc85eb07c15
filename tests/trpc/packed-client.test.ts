import { execFile } from 'node:child_process'
import { copyFile, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, test } from 'vitest'

const run = promisify(execFile)
const ROOT = fileURLToPath(new URL('../..', import.meta.url))
const PACKAGE = join(ROOT, 'packages/client')
const PACK_MS = 120_000

const PROGRAM = `
import { createTurnpikeClient, type AppRouter, type ConnectionState, type RouterInputs, type RouterOutputs } from '@turnpike/client'

const client = createTurnpikeClient({ url: 'http://127.0.0.1:1', token: 'tps_x' })
const input: RouterInputs['keys']['create'] = { userId: 1, groupId: 2, name: 'k', spendingLimits: { day: '1.5' } }
const states: ConnectionState[] = []

export async function main(): Promise<RouterOutputs['keys']['create']['key']> {
  client.$connection.subscribe((state) => states.push(state))
  client.ops.live.subscribe(undefined, { onData: ({ id, data }) => console.log(id.length, data.qps.toFixed(), data.ttftP50Ms) })
  const { items, nextCursor } = await client.usage.list.query({ limit: 5 })
  const cost: string | null | undefined = items[0]?.cost
  console.log(cost, nextCursor)
  return (await client.keys.create.mutate(input)).key
}

export function mistakes() {
  // @ts-expect-error an unknown procedure
  client.keys.steal
  // @ts-expect-error a wrong type
  return client.users.get.query({ id: 'one' })
}
// @ts-expect-error an unknown role
const role: RouterOutputs['users']['get']['role'] = 'root'
export type Router = AppRouter
console.log(typeof client.auth.me.query, role)
`

let dir = ''

/** An empty project with the packed client and nothing else. Packed from a copy, as others may read the package meanwhile. */
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'turnpike-client-'))
  const copy = join(dir, 'copy')
  const installed = join(dir, 'node_modules/@turnpike/client')
  await Promise.all([copy, installed].map((path) => mkdir(path, { recursive: true })))
  await copyFile(join(PACKAGE, 'package.json'), join(copy, 'package.json'))
  await run(process.execPath, [join(PACKAGE, 'packaging/build.ts'), copy])
  await run(process.execPath, [join(PACKAGE, 'packaging/manifest.ts'), 'published', copy])
  await run('npm', ['pack', '--ignore-scripts', '--pack-destination', dir], { cwd: copy })
  await run('tar', ['-xzf', join(dir, 'turnpike-client-0.1.0.tgz'), '-C', installed, '--strip-components=1'])
  await writeFile(join(dir, 'package.json'), '{"type":"module"}')
  await writeFile(join(dir, 'main.ts'), PROGRAM)
}, PACK_MS)

afterAll(() => rm(dir, { recursive: true, force: true }))

test('a strict program compiles next to it with nothing but TypeScript', { timeout: PACK_MS }, async () => {
  const compiler = join(dirname(createRequire(import.meta.url).resolve('typescript')), 'tsc.js')
  const options = ['--strict', '--target', 'es2022', '--module', 'nodenext', '--lib', 'es2023,dom', '--outDir', 'out']
  const outcome = await run(process.execPath, [compiler, ...options, 'main.ts'], { cwd: dir }).catch((error) => error)
  expect(String(outcome.stdout)).toBe('')
  const { stdout } = await run(process.execPath, ['out/main.js'], { cwd: dir })
  expect(stdout).toContain('function root')
})

test('it names nothing of the server, and depends on nothing', async () => {
  const installed = join(dir, 'node_modules/@turnpike/client')
  const manifest = JSON.parse(await readFile(join(installed, 'package.json'), 'utf8'))
  expect(manifest).not.toHaveProperty('dependencies')
  expect(manifest).not.toHaveProperty('devDependencies')
  for (const file of ['dist/index.js', 'dist/index.d.ts']) {
    // One member of an answer has the name of the database.
    expect(await readFile(join(installed, file), 'utf8')).not.toMatch(
      /drizzle|express|zod|node:|NodeJS|Buffer|@turnpike\/server|postgres(?!"?: ")/,
    )
  }
})

test('after packing the manifest is the source’s again', async () => {
  const copy = join(dir, 'copy')
  const manifest = async () => JSON.parse(await readFile(join(copy, 'package.json'), 'utf8'))
  expect((await manifest()).exports['.'].default).toBe('./dist/index.js')
  await run(process.execPath, [join(PACKAGE, 'packaging/manifest.ts'), 'source', copy])
  expect(await manifest()).toEqual(JSON.parse(await readFile(join(PACKAGE, 'package.json'), 'utf8')))
})
