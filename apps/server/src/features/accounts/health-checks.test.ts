import { freshDatabase } from '@turnpike/db/testing'
import { expect, test, vi } from 'vitest'
import { type Log, silentLog } from '../../shared/logger.ts'
import { createHealthChecks } from './health-checks.ts'
import type { ProbeResult } from './probe.ts'

const PASSED: ProbeResult = { ok: true, statusClass: '2xx', latencyMs: 1, reason: null }
const FAILED: ProbeResult = { ok: false, statusClass: '4xx', latencyMs: 1, reason: 'unauthorized' }

async function healthWorld({
  result = PASSED,
  status = 'active',
  minutes = 5 as number | null,
  recovers = true,
  log = silentLog,
} = {}) {
  const stack = new AsyncDisposableStack()
  const { sql } = stack.use(await freshDatabase())
  await sql`insert into accounts (name, provider, base_url, protocol, secret_sealed, secret_last4, status, status_reason,
      health_check_minutes, health_check_recovers)
    values ('a', 'openai', 'x', 'chat', '', '', ${status}, ${status === 'error' ? 'unauthorized' : null}, ${minutes}, ${recovers})`
  const tested: number[] = []
  const cleared: number[] = []
  let nowMs = Date.now()
  const instance = () => {
    const checks = createHealthChecks({
      sql,
      clock: { now: () => nowMs },
      test: async (id) => {
        tested.push(id)
        return result
      },
      clear: async (id) => void cleared.push(id),
      log,
    })
    stack.defer(() => checks.close())
    return checks
  }
  return {
    sql,
    tested,
    cleared,
    instance,
    pass(ms: number) {
      nowMs += ms
    },
    state: async () => (await sql`select status, status_reason from accounts`)[0],
    events: () => sql`select kind, from_state, to_state, reason from account_events order by id`,
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  }
}

test('an account is checked when its time has come, by one instance only', async () => {
  await using world = await healthWorld()
  const instances = [world.instance(), world.instance(), world.instance()]
  const runAll = () => Promise.all(instances.map(({ runDue }) => runDue()))
  await runAll()
  world.pass(5 * 60_000 - 1)
  await runAll()
  expect(world.tested).toHaveLength(1)
  world.pass(1)
  await runAll()
  expect(world.tested).toHaveLength(2)
  expect(await world.events()).toEqual(
    Array(2).fill({ kind: 'health_check', from_state: 'active', to_state: 'active', reason: 'passed' }),
  )
})

test('a check that passes lifts an error, and what the gateway learnt is forgotten', async () => {
  await using world = await healthWorld({ status: 'error' })
  await world.instance().runDue()
  expect(await world.state()).toEqual({ status: 'active', status_reason: null })
  expect(world.cleared).toEqual(world.tested)
  expect(await world.events()).toEqual([
    { kind: 'health_check', from_state: 'error', to_state: 'active', reason: 'passed' },
  ])
})

test.each([
  ['that fails', { result: FAILED }, 'unauthorized'],
  ['of an account that does not allow it', { recovers: false }, 'passed'],
])('a check %s lifts nothing', async (_, options, reason) => {
  await using world = await healthWorld({ status: 'error', ...options })
  await world.instance().runDue()
  expect(await world.state()).toEqual({ status: 'error', status_reason: 'unauthorized' })
  expect(world.cleared).toEqual([])
  expect(await world.events()).toMatchObject([{ to_state: 'error', reason }])
})

test.each([
  ['is disabled', { status: 'disabled' }],
  ['is archived', { status: 'archived' }],
  ['asks for no checks', { minutes: null }],
])('an account that %s is not checked', async (_, options) => {
  await using world = await healthWorld(options)
  await world.instance().runDue()
  expect(world.tested).toEqual([])
})

test('while the database is away the checks wait for it, which is said once and is no error', async () => {
  const said: string[] = []
  const say = (level: string) => (_fields: unknown, message: string) => void said.push(`${level} ${message}`)
  const log: Log = { ...silentLog, error: say('error'), warn: say('warn'), info: say('info') }
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] })
  try {
    await using world = await healthWorld({ log })
    world.instance()
    await world.sql`alter table accounts rename to elsewhere`
    vi.advanceTimersByTime(10_000)
    await expect.poll(() => said).toEqual(['warn accounts cannot be checked; it is made up for'])
    await world.sql`alter table elsewhere rename to accounts`
    vi.advanceTimersByTime(10_000)
    await expect.poll(() => said.at(-1)).toBe('info accounts are checked again')
    expect(world.tested).toHaveLength(1)
  } finally {
    vi.useRealTimers()
  }
})
