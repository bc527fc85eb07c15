import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { startEmbeddedPostgres } from '@turnpike/db/embedded'
import postgres from 'postgres'
import { expect, test } from 'vitest'
import { makeDataDir, postmasterPid } from '../support/data-dir.ts'
import { ask, type Load, startLoad } from '../support/load.ts'
import { familyOf, signalAll } from '../support/processes.ts'
import { readiness, startTurnpike, type Turnpike } from '../support/start-turnpike.ts'
import { waitFor } from '../support/wait-for.ts'
import { audit, expectNothingLeft } from './auditor.ts'

/** How long the database is away: long enough for a frozen one to be noticed. */
const AWAY_MS = Number(process.env.SOAK_AWAY_MS ?? 8_000)
const KILL_EVERY_MS = 1_000
const MIN_KILLS = 2
const BACK_MS = 20_000
/** A connection that listens again, and then the second that a change may take. */
const HEARD_MS = 3_000
const LIMIT_MS = AWAY_MS + 600_000
const LOAD = { connections: 30, sandbox: 'eventMs=3 firstByteMs=10' }
/** Well-formed and nobody's, so that it has to be looked up. */
const UNKNOWN_KEY = `tp-${'a'.repeat(10)}-${'b'.repeat(43)}`

test(
  'the embedded database is killed again and again under load: requests go on, nothing is lost',
  async () => {
    await using dataDir = await makeDataDir()
    await using turnpike = await startTurnpike({ dataDir: dataDir.path })
    await using load = await warmLoad(turnpike)
    const killed = new Set<number>()
    // A slow machine needs longer to bring it up so often.
    for (const until = performance.now() + AWAY_MS; performance.now() < until || killed.size <= MIN_KILLS; ) {
      const pid = await postmasterPid(dataDir.path)
      if (pid !== null) {
        killed.add(pid)
        process.kill(pid, 'SIGKILL')
      }
      expect((await readiness(turnpike)).status).toBe(200)
      await sleep(KILL_EVERY_MS)
    }
    await expectServed(load)
    expect(killed.size).toBeGreaterThan(MIN_KILLS)
    await expectBack(turnpike)
    await audit(turnpike, load.answers)
    expect(await turnpike.stop()).toEqual({ code: 0, signal: null })
    await expectNothingLeft(dataDir.path)
  },
  LIMIT_MS,
)

test(
  'the database is frozen under load: requests go on, an unknown key is told to come again, nothing is lost',
  async () => {
    await using dataDir = await makeDataDir()
    await using turnpike = await startTurnpike({ dataDir: dataDir.path })
    await using load = await warmLoad(turnpike)
    const pid = await waitFor('the database server', () => postmasterPid(dataDir.path), BACK_MS)
    const family = familyOf(pid)
    signalAll(family, 'SIGSTOP')
    const unknown = ask(turnpike, 'json', { key: UNKNOWN_KEY })
    await sleep(AWAY_MS)
    await expect
      .poll(() => readiness(turnpike))
      .toEqual({ status: 200, body: { status: 'degraded', missing: ['database'] } })
    expect(await unknown).toMatchObject({ status: 503, code: 'control_plane_unavailable' })
    signalAll(family, 'SIGCONT')
    await expectServed(load)
    await expectBack(turnpike)
    await audit(turnpike, load.answers)
    expect(await turnpike.stop()).toEqual({ code: 0, signal: null })
    await expectNothingLeft(dataDir.path)
  },
  LIMIT_MS,
)

test(
  'an external database goes away and comes back: requests go on, nothing is lost, changes are heard again',
  async () => {
    await using dataDir = await makeDataDir()
    await using databaseDir = await makeDataDir()
    const place = { dataDir: join(databaseDir.path, 'postgres'), settings: { fsync: 'off' } }
    let server = await startEmbeddedPostgres(place)
    try {
      await using turnpike = await startTurnpike({ dataDir: dataDir.path, env: { DATABASE_URL: server.url } })
      await using load = await warmLoad(turnpike)
      await server.stop()
      const stoppedAt = performance.now()
      await waitFor(
        'the loss to be noticed',
        async () => (await readiness(turnpike)).body.status === 'degraded',
        BACK_MS,
      )
      expect(await readiness(turnpike)).toMatchObject({ status: 200 })
      const unknown = await ask(turnpike, 'json', { key: UNKNOWN_KEY })
      expect(unknown).toMatchObject({ status: 503, code: 'control_plane_unavailable' })
      await sleep(Math.max(0, AWAY_MS - (performance.now() - stoppedAt)))
      server = await startEmbeddedPostgres({ ...place, port: server.port })
      await expectServed(load)
      await expectBack(turnpike)
      await audit(turnpike, load.answers, { databaseUrl: server.url })
      await expectChangesHeard(turnpike, server.url)
      expect(await turnpike.stop()).toEqual({ code: 0, signal: null })
      await expectNothingLeft(dataDir.path)
    } finally {
      await server.stop()
    }
  },
  LIMIT_MS,
)

test(
  'a server whose database is frozen stops all the same, and its next start has the rows',
  async () => {
    await using dataDir = await makeDataDir()
    await using turnpike = await startTurnpike({ dataDir: dataDir.path })
    await using load = await warmLoad(turnpike)
    const pid = await waitFor('the database server', () => postmasterPid(dataDir.path), BACK_MS)
    const family = familyOf(pid)
    signalAll(family, 'SIGSTOP')
    await load.stop()
    expect(await turnpike.stop()).toEqual({ code: 0, signal: null })
    await expect.poll(() => postmasterPid(dataDir.path)).toBeNull()
    // What is frozen cannot see that its parent has gone.
    signalAll(family, 'SIGCONT')
    await using next = await startTurnpike({ dataDir: dataDir.path })
    await audit(next, load.answers)
  },
  LIMIT_MS,
)

/** A load whose key is in the cache already. */
async function warmLoad(turnpike: Turnpike): Promise<Load> {
  const load = startLoad(turnpike, LOAD)
  await waitFor('the first answers', () => load.answers.length > LOAD.connections, BACK_MS)
  return load
}

/** All of them, while the database was away too. */
async function expectServed(load: Load): Promise<void> {
  const answers = await load.stop()
  expect(answers.filter(({ isWhole }) => !isWhole)).toEqual([])
  expect(answers.length).toBeGreaterThan((AWAY_MS / 1_000) * LOAD.connections)
}

async function expectBack(turnpike: Turnpike): Promise<void> {
  const isOk = async () => (await readiness(turnpike)).body.status === 'ok'
  await waitFor('the database to be noticed again', isOk, BACK_MS)
}

async function expectChangesHeard(turnpike: Turnpike, databaseUrl: string): Promise<void> {
  const sql = postgres(databaseUrl, { max: 1 })
  try {
    await sql`update accounts set schedulable = false`
    const isHeard = async () => (await ask(turnpike, 'json')).code === 'no_available_accounts'
    await waitFor('a change to be heard', isHeard, HEARD_MS)
  } finally {
    await sql.end({ timeout: 5 })
  }
}
