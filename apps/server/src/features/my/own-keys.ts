import type { Db } from '@turnpike/db'
import { AppError } from '../../shared/app-error.ts'

/** Keys a user can have that are not revoked. */
const MAX_KEYS = 100

/** What a user may do with keys, beyond what holds for everybody's keys. */
export function createOwnKeys({ sql }: { sql: Db['sql'] }) {
  /** Throws `not_found` for a key of somebody else as for one that is not there. */
  async function assertOwn(userId: number, keyId: number): Promise<void> {
    const [found] = await sql`select 1 from api_keys where id = ${keyId} and user_id = ${userId}`
    if (!found) throw new AppError('not_found', { field: 'id' })
  }

  async function assertRoomForOne(userId: number): Promise<void> {
    const [row] = await sql<{ keys: number }[]>`
      select count(*)::int as keys from api_keys where user_id = ${userId} and status <> 'revoked'`
    if ((row?.keys ?? 0) < MAX_KEYS) return
    throw new AppError('conflict', { message: 'You have as many keys as one user can have: revoke one first' })
  }

  return { assertOwn, assertRoomForOne }
}
