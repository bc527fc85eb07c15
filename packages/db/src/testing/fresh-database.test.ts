import postgres from 'postgres'
import { expect, inject, test } from 'vitest'
import { freshDatabase } from './fresh-database.ts'
import { startRunDatabase, withDatabase } from './run-database.ts'

async function databaseNames(url: string): Promise<string[]> {
  const sql = postgres(url, { max: 1 })
  try {
    return (await sql<{ name: string }[]>`select datname as name from pg_database`).map(({ name }) => name)
  } finally {
    await sql.end({ timeout: 1 })
  }
}

test('two tests never see each other', async () => {
  await using one = await freshDatabase()
  await using other = await freshDatabase()
  await one.sql`insert into groups (name) values ('mine')`
  expect(await other.sql`select from groups`).toHaveLength(0)
})

test('is gone after use, even while somebody is still connected', async () => {
  const run = inject('runDatabase')
  const fresh = await freshDatabase()
  const left = postgres(fresh.url, { max: 1, onclose: () => {} })
  await left`select 1`
  await fresh[Symbol.asyncDispose]()
  await left.end({ timeout: 1 })
  expect(await databaseNames(run.url)).not.toContain(new URL(fresh.url).pathname.slice(1))
})

test('a run on a shared server drops all it made and nothing else', async () => {
  const run = inject('runDatabase')
  const other = await startRunDatabase(run.url)
  const leftover = `${other.database.prefix}_leftover`
  const sql = postgres(withDatabase(run.url, 'postgres'), { max: 1 })
  await sql`create database ${sql(leftover)}`
  await sql.end({ timeout: 1 })
  await other.stop()
  const names = await databaseNames(run.url)
  expect(names.filter((name) => name.startsWith(other.database.prefix))).toEqual([])
  expect(names).toContain(run.template)
})
