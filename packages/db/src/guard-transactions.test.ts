import { setTimeout as sleep, setImmediate as turn } from 'node:timers/promises'
import { sql as builder } from 'drizzle-orm'
import { expect, test } from 'vitest'
import { createDb } from './client.ts'
import { freshDatabase } from './testing/fresh-database.ts'

/** Resolves when the backend is gone. */
async function untilGone(url: string, pid: number): Promise<void> {
  const other = createDb({ url, max: 1 })
  try {
    await other.sql`select pg_terminate_backend(${pid})`
    for (;;) {
      const [row] = await other.sql`select count(*)::int as count from pg_stat_activity where pid = ${pid}`
      if (row?.count === 0) return
    }
  } finally {
    await other.close(1_000)
  }
}

/** The client has had time to see it, and a turn of the loop for what came while this process stood still. */
async function untilSeen(): Promise<void> {
  await sleep(50)
  for (let n = 0; n < 3; n++) await turn()
}

test('a transaction whose connection goes between two statements rejects, and nothing else happens', async () => {
  await using fresh = await freshDatabase({ max: 1 })
  const begun = fresh.sql.begin(async (tx) => {
    const [row] = await tx<{ pid: number }[]>`select pg_backend_pid() as pid`
    await untilGone(fresh.url, row?.pid ?? 0)
    await untilSeen()
    await tx`select 1`
    await tx.unsafe('select 2')
    throw new Error('never reached')
  })
  await expect(begun).rejects.toMatchObject({ code: 'CONNECTION_CLOSED' })
  expect(await fresh.sql`select 1 as one`).toEqual([{ one: 1 }])
})

test('so does one of the builder', async () => {
  await using fresh = await freshDatabase({ max: 1 })
  const begun = fresh.db.transaction(async (tx) => {
    const [row] = await tx.execute<{ pid: number }>(builder`select pg_backend_pid() as pid`)
    await untilGone(fresh.url, row?.pid ?? 0)
    await untilSeen()
    await tx.execute(builder`select 1`)
  })
  await expect(begun).rejects.toMatchObject({ code: 'CONNECTION_CLOSED' })
})

test('what the work or the server refuses comes through, and is rolled back', async () => {
  await using fresh = await freshDatabase()
  await expect(
    fresh.sql.begin(async (tx) => {
      await tx`insert into users (email) values ('a@turnpike.test')`
      throw new Error('changed my mind')
    }),
  ).rejects.toThrow('changed my mind')
  const refusal = Object.assign(new Error('taken already'), { code: 'CONFLICT' })
  await expect(fresh.sql.begin(() => Promise.reject(refusal))).rejects.toBe(refusal)
  await expect(fresh.sql.begin((tx) => tx`select * from nowhere`)).rejects.toMatchObject({ code: '42P01' })
  expect(await fresh.sql`select from users`).toHaveLength(0)
  expect(await fresh.sql.begin(async (tx) => (await tx`select 1 as one`)[0]?.one)).toBe(1)
})
