import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { chown, lchown, mkdir, readdir, readFile, stat, symlink, writeFile } from 'node:fs/promises'
import { delimiter, dirname, join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import postgres from 'postgres'
import { expect, test, vi } from 'vitest'
import { temporaryDir } from '../testing/temporary-dir.ts'
import { findBinaries } from './binaries.ts'
import { runningCommand } from './running-command.ts'
import { type EmbeddedPostgres, startEmbeddedPostgres } from './start-postgres.ts'
import { chooseUnprivileged } from './unprivileged.ts'

const FIXTURE = fileURLToPath(new URL('__fixtures__/run-until-killed.ts', import.meta.url))
const NOBODY = 65_534
const isRoot = process.getuid?.() === 0
const isLinux = process.platform === 'linux'

/** Each test starts real servers, several of them on a machine that may be busy. */
vi.setConfig({ testTimeout: 180_000 })

/** Initialising without syncing takes half a second. */
const SETTINGS = { fsync: 'off' }

async function start(dir: { path: string }): Promise<EmbeddedPostgres & AsyncDisposable> {
  const server = await startEmbeddedPostgres({ dataDir: join(dir.path, 'pg'), settings: SETTINGS })
  return { ...server, [Symbol.asyncDispose]: () => server.stop() }
}

async function query(url: string, text: string): Promise<postgres.RowList<postgres.Row[]>> {
  const sql = postgres(url, { max: 1, onnotice: () => {} })
  try {
    return await sql.unsafe(text)
  } finally {
    await sql.end({ timeout: 1 })
  }
}

/** A process of its own that owns a server; resolves when the server is up. */
async function startElsewhere(dir: { path: string }, path = process.env.PATH) {
  const child = spawnElsewhere(dir, path)
  for await (const line of createInterface({ input: child.stdout })) {
    const { url, pid }: { url: string; pid: number } = JSON.parse(line)
    return { url, pid, kill: () => killHard(child) }
  }
  throw new Error('the fixture ended before its server was up')
}

function spawnElsewhere(dir: { path: string }, path = process.env.PATH) {
  return spawn(process.execPath, [FIXTURE, join(dir.path, 'pg')], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...process.env, PATH: path },
  })
}

async function killHard(child: ChildProcess): Promise<void> {
  const exited = once(child, 'exit')
  child.kill('SIGKILL')
  await exited
}

test('keeps data and password from one start to the next', async () => {
  await using dir = await temporaryDir()
  const first = await start(dir)
  await query(first.url, `create table notes as select 'kept' as text`)
  await first.stop()
  await using second = await start(dir)
  expect([...(await query(second.url, 'select text from notes'))]).toEqual([{ text: 'kept' }])
  expect(new URL(second.url).password).toBe(new URL(first.url).password)
})

test('listens on loopback only, wants the password, and keeps its files to itself', async () => {
  await using dir = await temporaryDir()
  await using server = await start(dir)
  const [row] = await query(server.url, `select current_setting('listen_addresses') as addresses`)
  expect(row?.addresses).toBe('127.0.0.1')
  const wrong = new URL(server.url)
  wrong.password = 'guess'
  await expect(query(wrong.href, 'select 1')).rejects.toMatchObject({ code: '28P01' })
  for (const name of ['', 'cluster', 'password', 'server.log']) {
    expect((await stat(join(dir.path, 'pg', name))).mode & 0o077, name).toBe(0)
  }
})

test('stop ends it and can be called again', async () => {
  await using dir = await temporaryDir()
  const server = await start(dir)
  await Promise.all([server.stop(), server.stop()])
  expect(await runningCommand(server.pid)).toBeNull()
  expect(await server.exited).toEqual({ code: 0, signal: null })
  await expect(query(server.url, 'select 1')).rejects.toMatchObject({ code: 'ECONNREFUSED' })
})

test('refuses a directory whose server belongs to a living process', async () => {
  await using dir = await temporaryDir()
  await using server = await start(dir)
  await expect(start(dir)).rejects.toMatchObject({ code: 'data_dir_in_use' })
  expect(await query(server.url, 'select 1')).toHaveLength(1)
})

test('comes back on the same port after the server itself was killed', async () => {
  await using dir = await temporaryDir()
  const first = await start(dir)
  await query(first.url, 'create table notes ()')
  process.kill(first.pid, 'SIGKILL')
  expect(await first.exited).toEqual({ code: null, signal: 'SIGKILL' })
  await first.stop()
  const second = await startEmbeddedPostgres({ dataDir: join(dir.path, 'pg'), settings: SETTINGS, port: first.port })
  expect(second.url).toBe(first.url)
  expect(await query(second.url, 'select from notes')).toHaveLength(0)
  await second.stop()
})

test.runIf(isLinux)('goes when the process that started it is killed, and starts again with its data', async () => {
  await using dir = await temporaryDir()
  const killed = await startElsewhere(dir)
  await query(killed.url, 'create table notes ()')
  await killed.kill()
  await expect.poll(() => runningCommand(killed.pid), { timeout: 40_000 }).toBeNull()
  await using server = await start(dir)
  expect(await query(server.url, 'select from notes')).toHaveLength(0)
})

test.runIf(isLinux)('takes over the server of a killed process where the kernel did not end it', async () => {
  await using dir = await temporaryDir()
  const programs = join(dir.path, 'bin')
  await mkdir(programs)
  await linkProgram('unshare', programs)
  const killed = await startElsewhere(dir, programs)
  await query(killed.url, 'create table notes ()')
  await killed.kill()
  expect(await runningCommand(killed.pid)).not.toBeNull()
  await using server = await start(dir)
  expect(await runningCommand(killed.pid)).toBeNull()
  expect(await query(server.url, 'select from notes')).toHaveLength(0)
})

test('leaves a server alone that somebody else started on the directory', async () => {
  await using dir = await temporaryDir()
  await (await start(dir)).stop()
  const cluster = join(dir.path, 'pg', 'cluster')
  const { postgres: program } = await findBinaries()
  const flags = ['-c', 'listen_addresses=', '-c', `unix_socket_directories=${dir.path}`]
  const { file, args, uid, gid } = chooseUnprivileged(cluster, program).command(program, ['-D', cluster, ...flags])
  const foreign = spawn(file, args, { uid, gid, stdio: 'ignore' })
  const exited = once(foreign, 'exit')
  try {
    const pidFile = () => readFile(join(cluster, 'postmaster.pid'), 'utf8').catch(() => '')
    await expect.poll(pidFile, { timeout: 40_000 }).toMatch(/ready/)
    await expect(start(dir)).rejects.toMatchObject({ code: 'data_dir_in_use' })
    expect(foreign.exitCode).toBeNull()
  } finally {
    foreign.kill('SIGINT')
    await exited
  }
})

test.each([
  ['a process that is no PostgreSQL', `${process.pid}`],
  ['no process at all', '2147483646'],
  ['nothing readable', 'x'],
])('removes a pid file that names %s', async (_, content) => {
  await using dir = await temporaryDir()
  await (await start(dir)).stop()
  await writeFile(join(dir.path, 'pg', 'cluster', 'postmaster.pid'), `${content}\n/elsewhere\n`)
  await using server = await start(dir)
  expect(await query(server.url, 'select 1')).toHaveLength(1)
})

test('begins anew where a start was killed half-way', async () => {
  await using stack = new AsyncDisposableStack()
  let dir = stack.use(await temporaryDir())
  // Half a second is soon over while this process is not looking: then it is another one's turn.
  while (!(await killHalfWay(dir))) dir = stack.use(await temporaryDir())
  await using server = await start(dir)
  expect(await query(server.url, 'select 1')).toHaveLength(1)
  expect(await isUnfinished(dir)).toBe(false)
})

async function isUnfinished(dir: { path: string }): Promise<boolean> {
  const names = await readdir(join(dir.path, 'pg')).catch(() => [])
  return names.some((name) => name.startsWith('cluster.unfinished'))
}

/** Kills a process that starts a server while the cluster is being made; false where it was made by then. */
async function killHalfWay(dir: { path: string }): Promise<boolean> {
  const child = spawnElsewhere(dir)
  let isUp = false
  child.stdout.once('data', () => {
    isUp = true
  })
  await expect.poll(async () => isUp || (await isUnfinished(dir)), { interval: 1, timeout: 40_000 }).toBe(true)
  await killHard(child)
  return isUnfinished(dir)
}

test.each(['pg', 'pg/cluster'])('says that the directory cannot be written where %s is a file', async (path) => {
  await using dir = await temporaryDir()
  await mkdir(dirname(join(dir.path, path)), { recursive: true })
  await writeFile(join(dir.path, path), 'a file')
  await expect(start(dir)).rejects.toMatchObject({ code: 'data_dir_not_writable' })
})

test('says that another version wrote the directory, and touches nothing', async () => {
  await using dir = await temporaryDir()
  const cluster = join(dir.path, 'pg', 'cluster')
  await mkdir(cluster, { recursive: true })
  await writeFile(join(cluster, 'PG_VERSION'), '17\n')
  await expect(start(dir)).rejects.toMatchObject({ code: 'version_mismatch' })
  expect(await readdir(cluster)).toEqual(['PG_VERSION'])
  expect(await readdir(join(dir.path, 'pg'))).toEqual(['cluster', 'lock'])
})

test('says why the server did not start, and leaves the directory free', async () => {
  await using dir = await temporaryDir()
  const dataDir = join(dir.path, 'pg')
  await (await start(dir)).stop()
  await expect(startEmbeddedPostgres({ dataDir, settings: { shared_buffers: 'plenty' } })).rejects.toMatchObject({
    code: 'start_failed',
    message: expect.stringContaining('shared_buffers'),
  })
  await using server = await start(dir)
  expect(await query(server.url, 'select 1')).toHaveLength(1)
})

test('says that it took too long, and leaves nothing behind', async () => {
  await using dir = await temporaryDir()
  await (await start(dir)).stop()
  const dataDir = join(dir.path, 'pg')
  await expect(startEmbeddedPostgres({ dataDir, startTimeoutMs: 1 })).rejects.toMatchObject({ code: 'start_timeout' })
  await using server = await start(dir)
  expect(await query(server.url, 'select 1')).toHaveLength(1)
})

test.runIf(isRoot && isLinux)('started by root, runs as the user that owns the cluster', async () => {
  await using dir = await temporaryDir()
  await (await start(dir)).stop()
  await chown(dir.path, NOBODY, NOBODY)
  for (const name of await readdir(dir.path, { recursive: true })) await lchown(join(dir.path, name), NOBODY, NOBODY)
  await using server = await start(dir)
  expect(await query(server.url, 'select 1')).toHaveLength(1)
  expect(await readFile(`/proc/${server.pid}/status`, 'utf8')).toMatch(new RegExp(`^Uid:\\s+${NOBODY}\\s`, 'm'))
})

async function linkProgram(name: string, into: string): Promise<void> {
  for (const dir of (process.env.PATH ?? '').split(delimiter)) {
    const program = join(dir, name)
    if (await stat(program).catch(() => null)) return await symlink(program, join(into, name))
  }
}
