import { freshDatabase } from '@turnpike/db/testing'
import { makeOutcome } from '@turnpike/db/testing/outcome'
import { expect, test } from 'vitest'
import { trpcWorld } from '../../../testing/trpc-world.ts'
import { errorRow } from './error-row.ts'
import { createErrors } from './errors.ts'
import { createErrorInsert } from './insert-errors.ts'

const NOW = Date.now()
const CONTEXT = { instanceId: 'i-1', count: 1, providerOf: () => 'openai' }
const NO_DIAGNOSTICS = { isInLedger: true, upstreamErrors: [], fault: undefined }

function rowAgo(seconds: number, errorCode = 'upstream_failed') {
  const endedAtMs = NOW - seconds * 1000
  const outcome = makeOutcome({ createdAtMs: endedAtMs, endedAtMs, outcome: 'exhausted', status: 502, errorCode })
  const code = errorCode === 'queue_full' ? 'queue_full' : 'upstream_failed'
  return errorRow({ kind: 'request', code, outcome, diagnostics: NO_DIAGNOSTICS }, CONTEXT)
}

test('pages hold every error once, newest first, also those of one moment', async () => {
  await using fresh = await freshDatabase()
  const rows = Array.from({ length: 250 }, (_, at) => rowAgo(Math.floor(at / 50)))
  await createErrorInsert(fresh)(rows)
  const errors = createErrors({ database: fresh, clock: { now: () => NOW } })
  const seen: number[] = []
  let cursor: string | null | undefined
  do {
    const page = await errors.list({ limit: 70, ...(cursor ? { cursor } : {}) })
    seen.push(...page.items.map(({ id }) => id))
    expect([page.total, page.totalIsExact]).toEqual([250, true])
    cursor = page.nextCursor
  } while (cursor !== null)
  expect(new Set(seen).size).toBe(250)
  expect(seen).toHaveLength(250)
})

test('filters find what they say', async () => {
  await using fresh = await freshDatabase()
  await createErrorInsert(fresh)([rowAgo(1), rowAgo(2, 'queue_full'), rowAgo(7_200)])
  const errors = createErrors({ database: fresh, clock: { now: () => NOW } })
  const count = async (filters: Partial<Parameters<typeof errors.list>[0]>) =>
    (await errors.list({ limit: 10, ...filters })).total
  expect(await count({})).toBe(3)
  expect(await count({ range: '1h' })).toBe(2)
  expect(await count({ owner: 'business' })).toBe(1)
  expect(await count({ code: 'upstream_failed' })).toBe(2)
  expect(await count({ query: 'pending requests' })).toBe(1)
  expect(await count({ query: '%' })).toBe(0)
  expect(await count({ resolved: true })).toBe(0)
  await expect(errors.list({ limit: 10, cursor: 'nonsense' })).rejects.toMatchObject({ field: 'cursor' })
})

test('a row the database refuses does not take the others with it', async () => {
  await using fresh = await freshDatabase()
  const bad = { ...rowAgo(1), status: 2 ** 40 }
  await expect(createErrorInsert(fresh)([rowAgo(1), bad, rowAgo(2)])).rejects.toThrow()
  const [left] = await fresh.sql`select count(*)::int as count from ops_error_logs`
  expect(left?.count).toBeGreaterThanOrEqual(1)
})

test('an error is resolved by an operator, opened again, and both are in the audit log', async () => {
  await using world = await trpcWorld()
  await createErrorInsert(world.database)([rowAgo(1)])
  const { cookie } = await world.signIn('operator')
  const { data } = await world.get('ops.errors.list', { cookie })
  const [{ id = 0 } = {}] = (data as { items: { id: number }[] }).items
  const resolve = (resolved: boolean) => world.post('ops.errors.resolve', { cookie, input: { ids: [id], resolved } })
  expect((await resolve(true)).data).toMatchObject({ items: [{ id, resolvedBy: expect.stringContaining('@') }] })
  expect((await resolve(false)).data).toMatchObject({ items: [{ id, resolvedAt: null }] })
  const rows = await world.database.sql`select action from audit_log where action like 'ops.errors.%' order by id`
  expect(rows.map(({ action }) => action)).toEqual(['ops.errors.resolve', 'ops.errors.reopen'])
  expect(await world.get('ops.errors.list', { cookie, input: { limit: 501 } })).toMatchObject({
    status: 400,
    error: { data: { reason: 'limit_out_of_range' } },
  })
})
