import type { PurseKind } from '@turnpike/core/words'
import type { ISql, Sql } from 'postgres'

/** What credit is leased from: the balance of a user, the windows of a subscription, the limits of a key. */
export interface PurseName {
  kind: PurseKind
  /** Id of the user, subscription or key. */
  ownerId: number
}

export interface LeaseStep {
  purse: PurseName
  leaseId: string
  /** The lease does not exist yet; else it grows. */
  isNew: boolean
  bootId: string
  /** How long it is good from now on. */
  leaseSeconds: number
  /** What the instance has free of it already. */
  heldNano: number
  /** Of those who wait, first come first served. `isModest`: content with less than he wants where there is no more. */
  wants: readonly { nano: number; isModest: boolean }[]
  instances: number
  /** Since when spendings count. Subscription: day, week, month windows; key: calendar day and month. */
  starts: readonly Date[]
}

export interface LeaseGrant {
  /** Nano-dollars by which the lease has grown. */
  leasedNano: number
  /** What each of the wants got; null = nothing. */
  granted: (number | null)[]
  /** Null = there is no such purse (any more). */
  roomNano: number | null
  /** The limit that leaves the least, counted from 1 as in `starts`. */
  tightest: number | null
}

/** Not told, the client takes an array of booleans for a boolean. */
const BOOLEAN_ARRAY = 1000

interface GrantRow {
  leased: string | null
  granted: (number | null)[] | null
  room: string | null
  tightest: number | null
}

/** One step of leasing, one statement (spec: accounts and billing, "Money"). Null = the lease is gone: it had expired. */
export async function leaseCredit(sql: ISql, step: LeaseStep): Promise<LeaseGrant | null> {
  const { purse, leaseId, isNew, bootId, leaseSeconds, heldNano, wants, instances, starts } = step
  const [row] = await sql<GrantRow[]>`
    select leased::text, to_json(granted) as granted, room::text, tightest from lease_credit(
      ${purse.kind}, ${purse.ownerId}, ${leaseId}, ${isNew}, ${bootId}, ${leaseSeconds}, ${heldNano},
      ${wants.map(({ nano }) => nano)}::bigint[], ${sql.array(
        wants.map(({ isModest }) => isModest),
        BOOLEAN_ARRAY,
      )}, ${instances},
      ${starts.map((start) => start.toISOString())}::timestamptz[])`
  if (row === undefined || row.leased === null) return null
  return {
    leasedNano: Number(row.leased),
    granted: row.granted ?? [],
    roomNano: row.room === null ? null : Number(row.room),
    tightest: row.tightest,
  }
}

/** What `leaseCredit` would answer now: the same statement, undone. */
export async function tryLeaseCredit(sql: Sql, step: LeaseStep): Promise<LeaseGrant | null> {
  let grant: LeaseGrant | null = null
  await sql
    .begin(async (transaction) => {
      grant = await leaseCredit(transaction, step)
      throw new Undone()
    })
    .catch((error: unknown) => {
      if (!(error instanceof Undone)) throw error
    })
  return grant
}

class Undone extends Error {}

/** Gives so much of a lease back to its purse, at most what it has; null = all, and the lease is no more. */
export async function releaseCredit(sql: Sql, leaseId: string, nano: number | null): Promise<void> {
  await sql`select release_credit(${leaseId}, ${nano}, false)`
}

/** Leases that are still there are good for another while; resolves with their ids. */
export async function renewLeases(sql: Sql, leaseIds: readonly string[], leaseSeconds: number): Promise<string[]> {
  const rows = await sql<{ id: string }[]>`
    with mine as (select id from credit_leases where id = any(${[...leaseIds]}::uuid[]) order by id for update)
    update credit_leases l set expires_at = now() + make_interval(secs => ${leaseSeconds})
    from mine where l.id = mine.id returning l.id`
  return rows.map(({ id }) => id)
}

const SWEEP_LIMIT = 1_000

/** Returns what instances that died had leased; resolves with the number of leases. Safe from any instance, at any time. */
export async function sweepLeases(sql: Sql): Promise<number> {
  const expired = await sql<{ id: string }[]>`
    select id from credit_leases where expires_at < now() order by expires_at, id limit ${SWEEP_LIMIT}`
  // One transaction each: several at once could wait for each other.
  for (const { id } of expired) await sql`select release_credit(${id}, null, true)`
  return expired.length
}

/** The subscription of a user to a group that counts at `at`. */
export async function activeSubscription(
  sql: Sql,
  { userId, groupId, at }: { userId: number; groupId: number; at: Date },
): Promise<{ id: number; expiresAt: Date } | null> {
  const [row] = await sql<{ id: string; expiresAt: Date }[]>`
    select id, expires_at as "expiresAt" from subscriptions
    where user_id = ${userId} and group_id = ${groupId} and status = 'active' and starts_at <= ${at} and expires_at > ${at}
    order by id limit 1`
  return row === undefined ? null : { id: Number(row.id), expiresAt: row.expiresAt }
}
