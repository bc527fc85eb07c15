import { eq } from 'drizzle-orm'
import { expect, test } from 'vitest'
import { createDb } from './client.ts'
import { users } from './schema/users.ts'
import { freshDatabase } from './testing/fresh-database.ts'

test('the builder and the raw client read the same row alike', async () => {
  await using fresh = await freshDatabase()
  const [made] = await fresh.db
    .insert(users)
    .values({ email: 'a@example.com', balanceNano: 2n ** 62n })
    .returning()
  const [built] = await fresh.db.select().from(users).where(eq(users.email, 'a@example.com'))
  const [raw] = await fresh.sql`select id, created_at, balance_nano from users`
  expect(built).toEqual(made)
  expect(made?.balanceNano).toBe(2n ** 62n)
  expect(raw).toEqual({ id: '1', created_at: made?.createdAt, balance_nano: String(2n ** 62n) })
})

test('connects with the first query, not before, and says when nobody is there', async () => {
  const database = createDb({ url: 'postgres://nobody@127.0.0.1:1/none' })
  await expect(database.sql`select 1`).rejects.toMatchObject({ code: 'ECONNREFUSED' })
  await database.close()
})

test('close lets a running query end', async () => {
  await using fresh = await freshDatabase()
  const database = createDb({ url: fresh.url })
  const running = database.sql`select pg_sleep(0.1), 7 as n`.execute()
  await database.close()
  expect((await running)[0]?.n).toBe(7)
})

test('close cuts a query that takes longer than it may', async () => {
  await using fresh = await freshDatabase()
  const database = createDb({ url: fresh.url })
  await database.sql`select 1`
  const cut = expect(database.sql`select pg_sleep(60)`.execute()).rejects.toMatchObject({
    code: 'CONNECTION_DESTROYED',
  })
  await database.close(50)
  await cut
})

test('the server ends a statement that takes too long', async () => {
  await using fresh = await freshDatabase()
  const database = createDb({ url: fresh.url, statementTimeoutMs: 1_000 })
  await expect(database.sql`select pg_sleep(60)`).rejects.toMatchObject({ code: '57014' })
  await database.close()
})
