import { once } from 'node:events'
import { get, type IncomingMessage } from 'node:http'
import type { Outcome } from '@turnpike/core/gateway/outcome'
import { insertOutcomes } from '@turnpike/db'
import { makeOutcome } from '@turnpike/db/testing/outcome'
import { sql } from 'drizzle-orm'
import { expect, test } from 'vitest'
import { waitFor } from '../../../../../tests/support/wait-for.ts'
import type { ExportLink } from '../../shared/exports/exports.ts'
import { type TrpcWorld, trpcWorld } from '../../testing/trpc-world.ts'
import type { UsageRecord } from './usage-record.ts'

const WAIT_MS = 5_000

async function book(world: TrpcWorld, ...changes: Partial<Outcome>[]) {
  const lines = changes.map((change) => JSON.stringify(makeOutcome(change)))
  await insertOutcomes(world.database.sql, lines)
}

async function order(world: TrpcWorld, cookie: string, input: object = {}) {
  const { data } = await world.post('usage.export', { cookie, input })
  const { url, expiresAt } = data as ExportLink
  return { url: new URL(url, world.origin), expiresAt }
}

async function fetchText(url: URL) {
  const response = await fetch(url)
  return { status: response.status, headers: response.headers, text: await response.text() }
}

test('an export is a file to keep, not to cache: CSV with a header row, in the order of the list', async () => {
  await using world = await trpcWorld()
  const { cookie } = await world.signIn('viewer')
  await book(world, { model: 'older', createdAtMs: Date.now() - 60_000 }, { model: 'newer', serviceTier: 'flex' })
  const { status, headers, text } = await fetchText((await order(world, cookie)).url)
  expect(status).toBe(200)
  expect(headers.get('content-type')).toContain('text/csv')
  expect(headers.get('content-disposition')).toBe('attachment; filename="usage.csv"')
  expect(headers.get('cache-control')).toBe('no-store')
  expect(headers.get('x-content-type-options')).toBe('nosniff')
  const [head, ...lines] = text.trimEnd().split('\n')
  const names = head?.split(',') ?? []
  const rows = lines.map((line) => Object.fromEntries(line.split(',').map((cell, at) => [names[at], cell])))
  expect(rows.map(({ model }) => model)).toEqual(['newer', 'older'])
  expect(rows[0]).toMatchObject({
    stream: 'true',
    estimated: 'false',
    serviceTier: 'flex',
    costNano: '195000',
    attempts: '1',
    totalMs: '813',
  })
})

test.each(['=1+1', '+1', '-1', '@SUM(A1)', '\tx', '\rx'])('a cell %j is text to a spreadsheet', async (userAgent) => {
  await using world = await trpcWorld()
  const { cookie } = await world.signIn('viewer')
  await book(world, { userAgent })
  const { text } = await fetchText((await order(world, cookie, { format: 'csv' })).url)
  expect(text).toContain(`'${userAgent}`)
})

test('a cell with commas, quotes and line ends stays one cell', async () => {
  await using world = await trpcWorld()
  const { cookie } = await world.signIn('viewer')
  await book(world, { userAgent: 'a,"b"\nc' })
  expect((await fetchText((await order(world, cookie)).url)).text).toContain(',"a,""b""\nc"\n')
})

test('NDJSON is an item of the list a line, more of them than are read at once, and only those asked for', async () => {
  await using world = await trpcWorld()
  const { cookie } = await world.signIn('viewer')
  await book(world, ...Array.from({ length: 1_203 }, (_, at) => ({ keyId: at < 1_201 ? 7 : 8 })))
  const input = { keyId: 7, format: 'ndjson' }
  const { text, headers } = await fetchText((await order(world, cookie, input)).url)
  expect(headers.get('content-type')).toContain('application/x-ndjson')
  const items: UsageRecord[] = text
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line))
  expect(new Set(items.map(({ requestId }) => requestId)).size).toBe(1_201)
  const list = (await world.get('usage.list', { cookie, input: { keyId: 7, limit: 500 } })).data as {
    items: UsageRecord[]
  }
  expect(items.slice(0, 500)).toEqual(list.items)
})

test('an empty export has its header row, or no line at all', async () => {
  await using world = await trpcWorld()
  const { cookie } = await world.signIn('viewer')
  expect((await fetchText((await order(world, cookie)).url)).text).toMatch(/^requestId,.*userAgent\n$/)
  expect((await fetchText((await order(world, cookie, { format: 'ndjson' })).url)).text).toBe('')
})

test('a ticket opens once, within a minute, and nothing else does', async () => {
  await using world = await trpcWorld()
  const { cookie } = await world.signIn('viewer')
  const { url, expiresAt } = await order(world, cookie)
  expect(Buffer.from(url.pathname.split('/').at(-1) ?? '', 'base64url')).toHaveLength(32)
  expect(Date.parse(expiresAt) - Date.now()).toBeLessThanOrEqual(60_000)
  expect((await fetch(url, { method: 'HEAD' })).status).toBe(405)
  expect((await fetchText(url)).status).toBe(200)
  expect((await fetchText(url)).status).toBe(404)
  expect((await fetchText(new URL('/exports/x', world.origin))).status).toBe(404)
  const late = await order(world, cookie)
  world.clock.advance(60_000)
  expect((await fetchText(late.url)).status).toBe(404)
})

test('who may not read the ledger any more gets nothing for his ticket', async () => {
  await using world = await trpcWorld()
  const { user, cookie } = await world.signIn('viewer')
  const { url } = await order(world, cookie)
  await world.database.sql`update users set status = 'disabled' where id = ${user.id}`
  expect((await fetchText(url)).status).toBe(404)
})

test('a host that may not see the panel gets no export', async () => {
  await using world = await trpcWorld({ env: { allowedHosts: ['panel.example'], publicUrl: 'http://panel.example' } })
  const request = get(`${world.origin}/exports/x`, { headers: { host: 'evil.example' } })
  const [response] = (await once(request, 'response')) as [IncomingMessage]
  response.resume()
  expect(response.statusCode).toBe(421)
})

test('a client that reads slowly holds the cursor back, and one that leaves ends it', async () => {
  await using world = await trpcWorld()
  const { sql } = world.database
  const { cookie } = await world.signIn('viewer')
  await book(world, ...Array.from({ length: 100 }, () => ({ userAgent: 'x'.repeat(10_000) })))
  await sql`
    insert into usage_logs select (jsonb_populate_record(u, jsonb_build_object('request_id', gen_random_uuid()))).*
    from usage_logs u, generate_series(1, 30)`
  const { url } = await order(world, cookie, { format: 'ndjson' })
  const leaving = new AbortController()
  const response = await fetch(url, { signal: leaving.signal })
  await response.body?.getReader().read()
  async function standing() {
    const rows = await sql`select 1 from pg_stat_activity where datname = current_database()
      and state = 'idle in transaction' and query like 'fetch%'`
    return rows.length
  }
  await waitFor('the cursor to stand still', async () => (await standing()) === 1, WAIT_MS)
  leaving.abort()
  await waitFor('the transaction to end', async () => (await standing()) === 0, WAIT_MS)
})

test('a client that leaves while the database works ends its work', async () => {
  await using world = await trpcWorld()
  const { db } = world.database
  const { cookie } = await world.signIn('viewer')
  const { url } = await order(world, cookie)
  const leaving = new AbortController()
  const waiting = () =>
    db.execute(sql`select 1 from pg_stat_activity where datname = current_database()
    and wait_event_type = 'Lock'`)
  await db.transaction(async (tx) => {
    await tx.execute(sql`lock table usage_logs in access exclusive mode`)
    const answer = fetch(url, { signal: leaving.signal })
    await waitFor('the export to wait for the table', async () => (await waiting()).length === 1, WAIT_MS)
    leaving.abort()
    await expect(answer).rejects.toThrow()
    await waitFor('nobody to wait', async () => (await waiting()).length === 0, WAIT_MS)
  })
})

test('no more than five exports run at once; a refused ticket stays good', async () => {
  await using world = await trpcWorld()
  const { cookie } = await world.signIn('viewer')
  const orders = await Promise.all(Array.from({ length: 6 }, () => order(world, cookie)))
  const { db } = world.database
  const { answers, refused } = await db.transaction(async (tx) => {
    await tx.execute(sql`lock table usage_logs in access exclusive mode`)
    const answers = orders.map(async ({ url }) => ({ url, ...(await fetchText(url)) }))
    return { answers, refused: await Promise.race(answers) }
  })
  expect(refused.status).toBe(429)
  expect(refused.headers.get('retry-after')).toBe('10')
  const statuses = (await Promise.all(answers)).map(({ status }) => status)
  expect(statuses.toSorted()).toEqual([200, 200, 200, 200, 200, 429])
  expect((await fetchText(refused.url)).status).toBe(200)
})
