import { randomUUID } from 'node:crypto'
import { expect, test } from 'vitest'
import { InstanceLockError, openInstanceLock } from './instance-lock.ts'
import { type FreshDatabase, freshDatabase } from './testing/fresh-database.ts'

const LOOK_EVERY_MS = 20

function take({ url }: FreshDatabase, over: Partial<Parameters<typeof openInstanceLock>[0]> = {}) {
  return openInstanceLock({
    url,
    bootId: randomUUID(),
    isShared: false,
    waitMs: 0,
    lookEveryMs: LOOK_EVERY_MS,
    ...over,
  })
}

/** Who holds the lock, by the server's own word. */
function holders({ sql }: FreshDatabase) {
  return sql<{ pid: number }[]>`
    select pid from pg_locks join pg_stat_activity using (pid)
    where locktype = 'advisory' and granted and application_name like 'turnpike instance %'`
}

async function endSessions(database: FreshDatabase): Promise<void> {
  for (const { pid } of await holders(database)) await database.sql`select pg_terminate_backend(${pid})`
}

test.each([
  { first: false, second: false },
  { first: true, second: false },
  { first: false, second: true },
])('instances that do not all share stay alone: $first, then $second', async ({ first, second }) => {
  await using database = await freshDatabase()
  const one = await take(database, { isShared: first })
  const refused = await take(database, { isShared: second }).catch((error: unknown) => error)
  expect(refused).toBeInstanceOf(InstanceLockError)
  expect(refused).toMatchObject({ isHeldShared: first })
  await one.release()
  const next = await take(database, { isShared: second })
  await next.release()
})

test('instances that share stand side by side, and know how many they are', async () => {
  await using database = await freshDatabase()
  const locks = await Promise.all([1, 2, 3].map(() => take(database, { isShared: true })))
  expect(await holders(database)).toHaveLength(3)
  await expect.poll(() => locks.map((lock) => lock.count())).toEqual([3, 3, 3])
  await locks[0]?.release()
  await expect.poll(() => locks[1]?.count()).toBe(2)
  await Promise.all(locks.map((lock) => lock.release()))
})

test('who waits is let in as soon as the other leaves', async () => {
  await using database = await freshDatabase()
  const one = await take(database)
  const next = take(database, { waitMs: 30_000 })
  await one.release()
  await (await next).release()
})

test('a lost connection takes the lock again', async () => {
  await using database = await freshDatabase()
  const lock = await take(database)
  const [before] = await holders(database)
  await endSessions(database)
  await expect.poll(async () => (await holders(database))[0]?.pid ?? before?.pid).not.toBe(before?.pid)
  expect(lock.isTaken()).toBe(false)
  await expect(take(database)).rejects.toThrow(InstanceLockError)
  await lock.release()
})

test('whoever loses the place to another says so, and has it back when that one has left', async () => {
  await using database = await freshDatabase()
  const told: string[] = []
  const one = await take(database, {
    lookEveryMs: 3_000,
    onTaken: () => void told.push('taken'),
    onRegained: () => void told.push('regained'),
  })
  const next = take(database, { waitMs: 30_000 })
  await endSessions(database)
  const other = await next
  await expect.poll(() => one.isTaken()).toBe(true)
  await other.release()
  await expect.poll(() => one.isTaken()).toBe(false)
  expect(told).toEqual(['taken', 'regained'])
  await one.release()
})

test('a session of its own that the server still believes in does not keep it out', async () => {
  await using database = await freshDatabase()
  const bootId = randomUUID()
  const halfOpen = await take(database, { bootId, lookEveryMs: 60_000 })
  const lock = await take(database, { bootId, waitMs: 30_000 })
  expect(await holders(database)).toHaveLength(1)
  await Promise.all([lock.release(), halfOpen.release()])
})
