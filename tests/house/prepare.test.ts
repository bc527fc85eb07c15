import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { cp, mkdir, mkdtemp, readFile, readlink, rm, unlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { isInstalled } from '../../scripts/prepare/installed.mjs'
import { linkNode } from '../../scripts/prepare/link-node.mjs'
import { runCommand } from '../../scripts/run-command.ts'

const ROOT = dirname(dirname(import.meta.dirname))
const LOCK_MODULE = join(ROOT, 'scripts/prepare/lock.mjs')

async function temporaryDir() {
  const path = await mkdtemp(join(tmpdir(), 'turnpike-prepare-'))
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }) }
}

/** A process that takes the lock of `dir`, writes "in" and "out" to a file around holding it, and leaves. */
function contender(dir: string, holdMs: number): ChildProcess {
  const script = `
    const { takeLock } = await import(${JSON.stringify(LOCK_MODULE)})
    const { appendFileSync } = await import('node:fs')
    const { setTimeout: sleep } = await import('node:timers/promises')
    const lock = await takeLock(${JSON.stringify(dir)}, { signal: new AbortController().signal, onWait: () => {} })
    appendFileSync(${JSON.stringify(join(dir, 'log'))}, 'in ' + process.pid + '\\n')
    process.stdout.write('held')
    await sleep(${holdMs})
    appendFileSync(${JSON.stringify(join(dir, 'log'))}, 'out ' + process.pid + '\\n')
    lock.release()`
  return spawn(process.execPath, ['--input-type=module', '-e', script], { stdio: ['ignore', 'pipe', 'inherit'] })
}

test('of several commands in one folder only one installs at a time, also after one was killed', async () => {
  await using dir = await temporaryDir()
  const killed = contender(dir.path, 60_000)
  if (killed.stdout) await once(killed.stdout, 'data')
  const others = Array.from({ length: 6 }, () => contender(dir.path, 50))
  await sleep(300)
  killed.kill('SIGKILL')
  for (const [code] of await Promise.all(others.map((other) => once(other, 'exit')))) expect(code).toBe(0)

  const [first, ...lines] = (await readFile(join(dir.path, 'log'), 'utf8')).trim().split('\n')
  expect(first).toBe(`in ${killed.pid}`)
  expect(lines).toHaveLength(12)
  for (let index = 0; index < lines.length; index += 2) {
    expect(lines[index + 1]).toBe(lines[index]?.replace('in', 'out'))
  }
})

async function installedTree(root: string) {
  const packages = {
    '': {},
    'node_modules/a': { version: '1.0.0', integrity: 'sha512-a' },
    'node_modules/for-another-system': { version: '1.0.0', optional: true },
  }
  const { 'node_modules/for-another-system': _, '': __, ...present } = packages
  await mkdir(join(root, 'node_modules/a'), { recursive: true })
  await mkdir(join(root, 'node_modules/.bin'))
  await writeFile(join(root, 'node_modules/a/package.json'), '{}')
  await writeFile(join(root, 'package-lock.json'), JSON.stringify({ packages }))
  await writeFile(join(root, 'node_modules/.package-lock.json'), JSON.stringify({ packages: present }))
}

test('an installation that matches the lock file is left alone', async () => {
  await using dir = await temporaryDir()
  await installedTree(dir.path)
  expect(isInstalled(dir.path)).toBe(true)
})

test.each([
  ['nothing is installed', (root: string) => rm(join(root, 'node_modules'), { recursive: true })],
  [
    'npm was killed before it wrote its record',
    (root: string) => unlink(join(root, 'node_modules/.package-lock.json')),
  ],
  ['the record is cut off', (root: string) => writeFile(join(root, 'node_modules/.package-lock.json'), '{"packages"')],
  ['a package is gone', (root: string) => rm(join(root, 'node_modules/a'), { recursive: true })],
  [
    'the lock file wants another version',
    async (root: string) => {
      const file = join(root, 'package-lock.json')
      await writeFile(file, (await readFile(file, 'utf8')).replace('1.0.0', '1.0.1'))
    },
  ],
  [
    'the lock file wants one more',
    async (root: string) => {
      const file = join(root, 'package-lock.json')
      const { packages } = JSON.parse(await readFile(file, 'utf8'))
      await writeFile(file, JSON.stringify({ packages: { ...packages, 'node_modules/b': { version: '1.0.0' } } }))
    },
  ],
])('installs when %s', async (_why, spoil) => {
  await using dir = await temporaryDir()
  await installedTree(dir.path)
  await spoil(dir.path)
  expect(isInstalled(dir.path)).toBe(false)
})

test('links Node where npm 10 takes the link away, and leaves a link alone', async () => {
  await using dir = await temporaryDir()
  const name = `node-${process.platform}-${process.arch}`
  await mkdir(join(dir.path, 'node_modules', name), { recursive: true })
  await mkdir(join(dir.path, 'node_modules/.bin'))
  for (const _ of ['missing', 'there']) {
    linkNode(dir.path)
    expect(await readlink(join(dir.path, 'node_modules/.bin/node'))).toBe(`../${name}/bin/node`)
  }
})

test('says in one message that the registry is out of reach, and what to do', async () => {
  await using dir = await temporaryDir()
  await cp(join(ROOT, 'scripts'), join(dir.path, 'scripts'), { recursive: true })
  await cp(join(ROOT, 'package.json'), join(dir.path, 'package.json'))
  await cp(join(ROOT, 'package-lock.json'), join(dir.path, 'package-lock.json'))
  for (const workspace of [
    'packages/core',
    'packages/db',
    'packages/client',
    'packages/sandbox',
    'apps/server',
    'apps/admin',
  ]) {
    await mkdir(join(dir.path, workspace), { recursive: true })
    await cp(join(ROOT, workspace, 'package.json'), join(dir.path, workspace, 'package.json'))
  }
  const { code, output } = await runCommand(process.execPath, ['scripts/prepare.mjs'], {
    cwd: dir.path,
    timeoutMs: 150_000,
    env: {
      ...process.env,
      npm_config_registry: 'http://127.0.0.1:1',
      npm_config_cache: join(dir.path, 'cache'),
      npm_config_fetch_retries: '0',
    },
  })
  expect(code).toBe(1)
  expect(output).toMatch(/npm cannot reach its registry \(.*ECONNREFUSED.*\)\.\nCheck the connection/)
  expect(output).not.toContain('    at ')
})
