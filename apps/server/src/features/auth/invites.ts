import { createHmac, randomBytes } from 'node:crypto'
import type { Db } from '@turnpike/db'
import { invites } from '@turnpike/db/schema'
import { and, eq, gt, isNull } from 'drizzle-orm'
import type { WallClock } from '../../shared/wall-clock.ts'

const VALID_MS = 24 * 60 * 60_000
const TOKEN_BYTES = 32
const TOKEN = /^[A-Za-z0-9_-]{43}$/

type Builder = Pick<Db['db'], 'insert' | 'update' | 'delete'>

export type Invites = ReturnType<typeof createInvites>

/** Single-use links, valid for a day, by which a user sets his password; only a keyed hash of each is stored. */
export function createInvites({ clock, hashKey }: { clock: WallClock; hashKey: Uint8Array }) {
  const hashOf = (token: string) => createHmac('sha256', hashKey).update(token).digest('hex')

  return {
    /** In place of those the user had. */
    async issue(tx: Builder, userId: number): Promise<{ token: string; expiresAt: Date }> {
      const token = randomBytes(TOKEN_BYTES).toString('base64url')
      const expiresAt = new Date(clock.now() + VALID_MS)
      await tx.delete(invites).where(eq(invites.userId, userId))
      await tx.insert(invites).values({ tokenHash: hashOf(token), userId, expiresAt })
      return { token, expiresAt }
    },
    /** Whose link it is, once; null for one that is unknown, used or too old. */
    async take(tx: Builder, token: string): Promise<number | null> {
      if (!TOKEN.test(token)) return null
      const now = new Date(clock.now())
      const [taken] = await tx
        .update(invites)
        .set({ usedAt: now })
        .where(and(eq(invites.tokenHash, hashOf(token)), isNull(invites.usedAt), gt(invites.expiresAt, now)))
        .returning({ userId: invites.userId })
      return taken?.userId ?? null
    },
  }
}
