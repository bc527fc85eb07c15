import { apiKeys } from '@turnpike/db/schema'
import { and, eq, lte, type SQL, sql } from 'drizzle-orm'

/** The name the panel's playground gives the keys it mints. */
export const PLAYGROUND_NAME = 'Playground'

const LIFE_MS = 3_600_000

/** When a key minted now was made and when it ends: that the two are an hour apart to the millisecond is its mark. */
export function playgroundLife(nowMs: number): { createdAt: Date; expiresAt: Date } {
  return { createdAt: new Date(nowMs), expiresAt: new Date(nowMs + LIFE_MS) }
}

/** Playground keys that are over: nobody has to see or revoke them. One that was renamed is a key like any other. */
export function isPastPlayground(nowMs: number): SQL | undefined {
  return and(
    eq(apiKeys.name, PLAYGROUND_NAME),
    sql`${apiKeys.expiresAt} is not distinct from ${apiKeys.createdAt} + interval '1 hour'`,
    lte(apiKeys.expiresAt, new Date(nowMs)),
  )
}
