import { insertOutcomes } from '@turnpike/db'
import { opsSystemMetrics } from '@turnpike/db/schema'
import { makeOutcome, requestIdAt } from '@turnpike/db/testing/outcome'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { ExportLink } from '../../../shared/exports/exports.ts'
import { type TrpcWorld, trpcWorld } from '../../../testing/trpc-world.ts'

const COUNTS_OF_NOTHING = {
  instanceId: '*',
  windowMinutes: 1,
  requestCount: 0,
  successCount: 0,
  errorCount: 0,
  qps: 0,
  tps: 0,
  error4xxCount: 0,
  error5xxCount: 0,
  errorTimeoutCount: 0,
  upstream429Count: 0,
  upstream529Count: 0,
  businessLimitedCount: 0,
  clientClosedCount: 0,
  tokenConsumed: 0,
  tokenRate: 0,
  costNano: 0n,
  activeUsers: 0,
  activeKeys: 0,
  accountSwitchCount: 0,
}

type Row = Record<string, string | number | null>

async function exported(world: TrpcWorld, cookie: string, input: object) {
  const { data, error } = await world.post('ops.export', { cookie, input })
  if (error) return { error, response: null, text: '' }
  const response = await fetch(new URL((data as ExportLink).url, world.origin))
  return { error: null, response, text: await response.text() }
}

async function records(world: TrpcWorld, cookie: string, input: object): Promise<Row[]> {
  const { text } = await exported(world, cookie, { format: 'ndjson', ...input })
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line))
}

/** Rows of a CSV in which no cell has a comma. */
async function cells(world: TrpcWorld, cookie: string, input: object): Promise<Record<string, string>[]> {
  const { text } = await exported(world, cookie, { format: 'csv', ...input })
  const [head = '', ...lines] = text.trimEnd().split('\n')
  const names = head.split(',')
  return lines.map((line) => Object.fromEntries(line.split(',').map((cell, at) => [names[at], cell])))
}

/** Refusals and a request of the last minutes, more of them than are read at once. */
async function plant({ database: { sql } }: TrpcWorld, nowMs: number): Promise<void> {
  await insertOutcomes(
    sql,
    [1, 2].map((at) => JSON.stringify(makeOutcome({ createdAtMs: nowMs - at * 1_000, keyId: at }))),
  )
  const rows = Array.from({ length: 700 }, (_, at) => ({
    created_at: new Date(nowMs - 10_000 - Math.floor(at / 3)),
    request_id: requestIdAt(nowMs - 10_000 - at),
    source: 'refusal',
    phase: 'auth',
    owner: 'client',
    severity: 'P3',
    type: 'authentication_error',
    code: 'invalid_api_key',
    status: 401,
    instance_id: 'i',
    message: 'Invalid API key',
    retryable: false,
    count: at === 0 ? 5 : 1,
  }))
  await sql`insert into ops_error_logs ${sql(rows)}`
}

test('requests and what was turned away are written as they are listed, each once, with only what each has', async () => {
  await using world = await trpcWorld()
  const { cookie } = await world.signIn('viewer')
  await plant(world, world.clock.now())
  const all = await records(world, cookie, { what: 'requests' })
  expect(all.map(({ kind }) => kind)).toEqual(['request', 'request', ...Array(700).fill('refusal')])
  expect(new Set(all.map(({ requestId }) => requestId)).size).toBe(702)
  const { data } = await world.get('ops.requests.list', { cookie, input: { limit: 500 } })
  expect(all.slice(0, 500)).toEqual((data as { items: Row[] }).items)
  const rows = await cells(world, cookie, { what: 'requests' })
  expect(rows).toHaveLength(702)
  expect(rows[0]).toMatchObject({ kind: 'request', keyId: '1', attempts: '1', count: '1', totalMs: '813' })
  expect(rows[2]).toMatchObject({ kind: 'refusal', errorCode: 'invalid_api_key', count: '5', accountId: '', cost: '' })
  expect(await cells(world, cookie, { what: 'requests', keyId: 2 })).toHaveLength(1)
  expect(await cells(world, cookie, { what: 'requests', kind: 'request' })).toHaveLength(2)
})

test('errors are written whole, only those asked for', async () => {
  await using world = await trpcWorld()
  const { cookie } = await world.signIn('viewer')
  await plant(world, world.clock.now())
  const rows = await records(world, cookie, { what: 'errors', code: 'invalid_api_key' })
  expect(rows).toHaveLength(700)
  const ids = rows.map(({ id }) => id)
  expect(new Set(ids).size).toBe(700)
  expect(rows[0]).toHaveProperty('upstreamBody', null)
  expect(await records(world, cookie, { what: 'errors', code: 'internal_error' })).toEqual([])
  const { response, text } = await exported(world, cookie, { what: 'errors', code: 'internal_error' })
  expect(response?.headers.get('content-disposition')).toBe('attachment; filename="errors.csv"')
  expect(text).toMatch(/^createdAt,id,.*,stack,.*\n$/)
})

test('the history of metrics has its gaps: a minute nobody wrote is no row, and what was not measured no number', async () => {
  await using world = await trpcWorld()
  const { cookie } = await world.signIn('viewer')
  const minute = (ago: number) => new Date((Math.floor(world.clock.now() / 60_000) - ago) * 60_000)
  for (const ago of [2, 3, 5]) {
    const row = { ...COUNTS_OF_NOTHING, createdAt: minute(ago), requestCount: ago }
    await world.database.db.insert(opsSystemMetrics).values(row)
  }
  const rows = await cells(world, cookie, { what: 'metricsHistory', range: '30m' })
  expect(rows.map(({ requestCount }) => requestCount)).toEqual(['2', '3', '5'])
  expect(rows[0]).toMatchObject({ instanceId: '*', p95LatencyMs: '', createdAt: minute(2).toISOString() })
  expect(rows[0]).not.toHaveProperty('tags')
})

test('statistics are written with every time they have', async () => {
  await using world = await trpcWorld()
  const { cookie } = await world.signIn('viewer')
  const { text } = await exported(world, cookie, { what: 'dimensionStats', groupBy: 'model' })
  expect(text).toMatch(/^id,label,value,previous,requests,.*,gatewayP999Ms,gatewayAverageMs,gatewayMaxMs\n$/)
})

describe('an export is refused when it is ordered', () => {
  let world: TrpcWorld
  let cookie: string

  beforeAll(async () => {
    world = await trpcWorld()
    cookie = (await world.signIn('viewer')).cookie
  })
  afterAll(() => world[Symbol.asyncDispose]())

  test.each([
    [{}, 'invalid_input', 'what'],
    [{ what: 'everything' }, 'invalid_input', 'what'],
    [{ what: 'errors', limit: 5 }, 'unknown_field', 'limit'],
    [{ what: 'dimensionStats' }, 'invalid_input', 'groupBy'],
    [{ what: 'requests', from: '2026-01-02T00:00:00Z', to: '2026-01-01T00:00:00Z' }, 'invalid_input', 'from'],
    [{ what: 'metricsHistory', range: '1h', from: '2026-01-02T00:00:00Z' }, 'invalid_input', 'range'],
  ])('of %j', async (input, reason, field) => {
    expect((await exported(world, cookie, input)).error?.data).toMatchObject({ reason, field })
  })
})

test('a ticket for operations is good for nobody who may not see them any more', async () => {
  await using world = await trpcWorld()
  const { user, cookie } = await world.signIn('viewer')
  const { data } = await world.post('ops.export', { cookie, input: { what: 'requests' } })
  await world.database.sql`update users set role = 'user' where id = ${user.id}`
  expect((await fetch(new URL((data as ExportLink).url, world.origin))).status).toBe(404)
})
