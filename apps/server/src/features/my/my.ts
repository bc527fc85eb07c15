import type { Role } from '@turnpike/core/words'
import type { Db } from '@turnpike/db'
import type { WallClock } from '../../shared/wall-clock.ts'
import { createOwnErrors } from './own-errors.ts'
import { createOwnGroups } from './own-groups.ts'
import { createOwnKeys } from './own-keys.ts'
import { createOwnLimits, type OwnKeyLimits, type OwnSubscription } from './own-limits.ts'

/** Who one is, as one sees it oneself. */
export interface Profile extends Money {
  id: number
  email: string
  name: string
  role: Role
  concurrency: number
  createdAt: string
}

interface Money {
  balance: string
  balanceNano: string
  /** The part of the balance that is leased for requests in flight. */
  reserved: string
  reservedNano: string
}

/** Everything that limits a user. `concurrency` counts requests in flight, 0 = no limit. */
export interface OwnLimits extends Money {
  concurrency: number
  keys: OwnKeyLimits[]
  subscriptions: OwnSubscription[]
}

export interface MyOptions {
  sql: Db['sql']
  clock: WallClock
  findUser(id: number): Promise<Profile>
}

export type My = ReturnType<typeof createMy>

/** What a user may know of himself, and what he may do for himself. */
export function createMy({ sql, clock, findUser }: MyOptions) {
  const ownLimits = createOwnLimits({ sql, clock })

  async function profile(userId: number): Promise<Profile> {
    const { id, email, name, role, concurrency, createdAt, ...user } = await findUser(userId)
    return { id, email, name, role, concurrency, createdAt, ...moneyOf(user) }
  }

  async function limits(userId: number): Promise<OwnLimits> {
    const [user, used] = await Promise.all([findUser(userId), ownLimits.read(userId)])
    return { concurrency: user.concurrency, ...moneyOf(user), ...used }
  }

  return {
    profile,
    limits,
    groups: createOwnGroups({ sql, clock }),
    keys: createOwnKeys({ sql }),
    errors: createOwnErrors({ sql, clock }),
  }
}

function moneyOf({ balance, balanceNano, reserved, reservedNano }: Money): Money {
  return { balance, balanceNano, reserved, reservedNano }
}
