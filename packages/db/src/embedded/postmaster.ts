import { type ChildProcess, spawn } from 'node:child_process'
import { open, readFile, rename, stat } from 'node:fs/promises'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { EmbeddedPostgresError } from './embedded-postgres-error.ts'
import { CLUSTER_NAME } from './stop-orphan.ts'
import type { Unprivileged } from './unprivileged.ts'

export interface PostmasterOptions {
  clusterPath: string
  logFile: string
  postgres: string
  unprivileged: Unprivileged
  /** 0 = a free one. */
  port: number
  settings: Record<string, string>
  deadlineMs: number
}

export interface Postmaster {
  pid: number
  port: number
  exited: Promise<PostmasterExit>
  /** Ends it, politely first; resolves when it is gone. */
  stop(): Promise<void>
}

export interface PostmasterExit {
  code: number | null
  signal: NodeJS.Signals | null
}

const POLL_MS = 10
const FAST_SHUTDOWN_MS = 15_000
const IMMEDIATE_SHUTDOWN_MS = 5_000
const MAX_LOG_BYTES = 16 * 1024 * 1024
const LOG_TAIL_BYTES = 2_000

/** Another program took the port in between, or backends of a killed server are not quite gone: both pass. */
const PASSING = /Address already in use|is still in use/

/**
 * Starts the server and waits until it takes connections.
 *
 * @throws EmbeddedPostgresError `start_failed`, `start_timeout`
 */
export async function startPostmaster(options: PostmasterOptions): Promise<Postmaster> {
  const giveUpAt = performance.now() + options.deadlineMs
  await rotateLog(options.logFile)
  for (;;) {
    const logStart = await fileSize(options.logFile)
    const postmaster = await spawnPostmaster(options)
    const state = await waitUntilReady(postmaster, options.clusterPath, giveUpAt)
    if (state === 'ready') return postmaster
    await postmaster.stop()
    const log = await readTail(options.logFile, logStart)
    if (state === 'late') {
      throw new EmbeddedPostgresError('start_timeout', `PostgreSQL was not ready in ${options.deadlineMs} ms: ${log}`)
    }
    if (!PASSING.test(log) || performance.now() > giveUpAt) {
      throw new EmbeddedPostgresError('start_failed', `PostgreSQL did not start: ${log}`)
    }
    await delay(POLL_MS * 10)
  }
}

async function spawnPostmaster(options: PostmasterOptions): Promise<Postmaster> {
  const port = options.port || (await freePort())
  const settings = {
    // Details would carry values of rows into the log.
    log_error_verbosity: 'terse',
    ...options.settings,
    port: String(port),
    listen_addresses: '127.0.0.1',
    unix_socket_directories: '',
    cluster_name: CLUSTER_NAME,
  }
  const flags = Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`])
  const command = options.unprivileged.command(options.postgres, ['-D', options.clusterPath, ...flags])
  const log = await open(options.logFile, 'a', 0o600)
  try {
    const child = spawn(command.file, command.args, {
      uid: command.uid,
      gid: command.gid,
      stdio: ['ignore', 'ignore', log.fd],
      // A group of its own: Ctrl-C in the terminal must reach us only, we still need the database to drain.
      detached: true,
    })
    return supervise(child, port)
  } finally {
    await log.close()
  }
}

function supervise(child: ChildProcess, port: number): Postmaster {
  const exited = new Promise<PostmasterExit>((resolve) => {
    child.once('exit', (code, signal) => resolve({ code, signal }))
    child.once('error', () => resolve({ code: null, signal: null }))
  })
  let stopping: Promise<void> | undefined
  return { pid: child.pid ?? 0, port, exited, stop: () => (stopping ??= shutDown(child, exited)) }
}

async function shutDown(child: ChildProcess, exited: Promise<PostmasterExit>): Promise<void> {
  const steps = [
    ['SIGINT', FAST_SHUTDOWN_MS],
    ['SIGQUIT', IMMEDIATE_SHUTDOWN_MS],
  ] as const
  for (const [signal, withinMs] of steps) {
    child.kill(signal)
    if (await settlesWithin(exited, withinMs)) return
  }
  child.kill('SIGKILL')
  await exited
}

async function settlesWithin(promise: Promise<unknown>, ms: number): Promise<boolean> {
  const timer = new AbortController()
  const late = delay(ms, false, { signal: timer.signal }).catch(() => false)
  const settled = await Promise.race([promise.then(() => true), late])
  timer.abort()
  return settled
}

/** As pg_ctl does it: the eighth line of `postmaster.pid` says so, in no language. */
async function waitUntilReady(
  postmaster: Postmaster,
  clusterPath: string,
  giveUpAt: number,
): Promise<'ready' | 'exited' | 'late'> {
  let exited = false
  const noteExit = postmaster.exited.then(() => {
    exited = true
  })
  while (performance.now() < giveUpAt) {
    await Promise.race([noteExit, delay(POLL_MS)])
    if (exited) return 'exited'
    const lines = (await readFile(join(clusterPath, 'postmaster.pid'), 'utf8').catch(() => '')).split('\n')
    if (Number(lines[0]) === postmaster.pid && lines[7]?.trim() === 'ready') return 'ready'
  }
  return 'late'
}

async function rotateLog(logFile: string): Promise<void> {
  if ((await fileSize(logFile)) > MAX_LOG_BYTES) await rename(logFile, `${logFile}.1`)
}

async function fileSize(path: string): Promise<number> {
  return await stat(path).then(
    ({ size }) => size,
    () => 0,
  )
}

async function readTail(path: string, from: number): Promise<string> {
  const written = await readFile(path).catch(() => Buffer.alloc(0))
  return written
    .subarray(Math.max(from, written.length - LOG_TAIL_BYTES))
    .toString()
    .trim()
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer()
    server.once('error', reject)
    server.listen(0, '127.0.0.1', () => {
      const address = server.address()
      server.close(() => resolve(typeof address === 'object' && address ? address.port : 0))
    })
  })
}
