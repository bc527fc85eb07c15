import type { BalanceAdjust, UserCreate, UserList, UserUpdate } from '@turnpike/core/inputs/users'
import { formatDollars } from '@turnpike/core/money'
import type { Role, UserStatus } from '@turnpike/core/words'
import type { Db } from '@turnpike/db'
import { balanceChanges, groups, userGroups, users } from '@turnpike/db/schema'
import { and, asc, eq, gt, ilike, inArray, ne, or, sql } from 'drizzle-orm'
import { AppError } from '../../shared/app-error.ts'
import { type Actor, auditOf, SYSTEM } from '../../shared/audit.ts'
import { afterId, containing, type Page, pageOf } from '../../shared/keyset.ts'
import { hasPermission } from '../../shared/permissions.ts'
import { NO_SECOND_FACTOR } from '../../shared/second-factor.ts'

const audit = auditOf('user')

/** A user as the API shows him. */
export interface User {
  id: number
  email: string
  name: string
  role: Role
  status: UserStatus
  concurrency: number
  balance: string
  balanceNano: string
  reserved: string
  reservedNano: string
  groupIds: number[]
  notes: string
  createdAt: string
}

/** A single-use link by which a user sets his password. */
export interface Invite {
  token: string
  expiresAt: Date
}

interface UserStoreOptions {
  db: Db['db']
  hashPassword(password: string): Promise<string>
  /** Makes a link in place of any the user had. */
  invite(tx: Transaction, userId: number): Promise<Invite>
  /** All sessions of the user have to end. */
  onSignedOut(userId: number): Promise<void>
}

export type UserStore = ReturnType<typeof createUserStore>
type Builder = Pick<Db['db'], 'select' | 'insert' | 'update' | 'delete'>
type Transaction = Parameters<Parameters<Db['db']['transaction']>[0]>[0]

/** Users in the database. `hashPassword` is the only thing that ever sees a password here. */
export function createUserStore({ db, hashPassword, invite, onSignedOut }: UserStoreOptions) {
  async function list({ role, status, query, limit, cursor }: UserList): Promise<Page<User>> {
    const after = afterId(cursor)
    const rows = await selectUsers(db)
      .where(
        and(
          status ? eq(users.status, status) : ne(users.status, 'archived'),
          role && eq(users.role, role),
          query ? or(ilike(users.email, containing(query)), ilike(users.name, containing(query))) : undefined,
          after === null ? undefined : gt(users.id, after),
        ),
      )
      .orderBy(asc(users.id))
      .limit(limit + 1)
    return pageOf(rows.map(toUser), limit, (user) => String(user.id))
  }

  async function get(id: number): Promise<User> {
    return readUser(db, id)
  }

  /** `role` is that of who creates: nobody makes a user of a higher one. Without a password he gets an invitation. */
  async function create(
    { groupIds, password, ...values }: UserCreate,
    role: Role,
    actor: Actor = SYSTEM,
  ): Promise<{ user: User; invite: Invite | null }> {
    refuseOwnersToOthers(role, values.role)
    const passwordHash = password === undefined ? null : await hashPassword(password)
    return db.transaction(async (tx) => {
      await refuseTakenEmail(tx, values.email)
      const [row] = await tx
        .insert(users)
        .values({ ...values, passwordHash })
        .returning({ id: users.id })
      if (!row) throw new AppError('internal')
      await replaceGroups(tx, row.id, groupIds)
      const invited = passwordHash === null ? await invite(tx, row.id) : null
      await audit(tx, actor, 'users.create', row.id, { ...values, groupIds })
      return { user: await readUser(tx, row.id), invite: invited }
    })
  }

  async function update({ id, groupIds, ...changes }: UserUpdate, role: Role, actor: Actor = SYSTEM): Promise<User> {
    return db.transaction(async (tx) => {
      const current = await lockUser(tx, id)
      refuseOwnersToOthers(role, current.role)
      if (changes.role) refuseOwnersToOthers(role, changes.role)
      if (changes.email) await refuseTakenEmail(tx, changes.email, id)
      if (Object.keys(changes).length > 0) await tx.update(users).set(changes).where(eq(users.id, id))
      if (groupIds) await replaceGroups(tx, id, groupIds)
      if (current.role === 'owner') await refuseOwnerless(tx)
      await audit(tx, actor, 'users.update', id, { ...changes, groupIds })
      return readUser(tx, id)
    })
  }

  /** A new link to set a password; the old one is void, and whoever is signed in as the user is so no longer. */
  async function resetPassword(id: number, role: Role, actor: Actor): Promise<{ user: User; invite: Invite }> {
    const reset = await db.transaction(async (tx) => {
      const current = await lockUser(tx, id)
      refuseOwnersToOthers(role, current.role)
      await tx.update(users).set({ passwordHash: null }).where(eq(users.id, id))
      const invited = await invite(tx, id)
      await audit(tx, actor, 'users.resetPassword', id, {})
      return { user: await readUser(tx, id), invite: invited }
    })
    await onSignedOut(id)
    return reset
  }

  /** For who has lost both his phone and his recovery codes. */
  async function resetTotp(id: number, actor: Actor): Promise<User> {
    return db.transaction(async (tx) => {
      await lockUser(tx, id)
      await tx.update(users).set(NO_SECOND_FACTOR).where(eq(users.id, id))
      await audit(tx, actor, 'users.resetTotp', id, {})
      return readUser(tx, id)
    })
  }

  /** The balance and the row that explains it, in one transaction. */
  async function adjustBalance({ id, amount, reason }: BalanceAdjust, actor: Actor): Promise<User> {
    return db.transaction(async (tx) => {
      await lockUser(tx, id)
      const actorUserId = actor.kind === 'user' ? actor.id : null
      await tx
        .insert(balanceChanges)
        .values({ userId: id, kind: 'adjustment', amountNano: amount, reason, actorUserId })
      await tx
        .update(users)
        .set({ balanceNano: sql`${users.balanceNano} + ${amount}` })
        .where(eq(users.id, id))
      await audit(tx, actor, 'users.adjustBalance', id, { amount: formatDollars(amount), reason })
      return readUser(tx, id)
    })
  }

  async function archive(id: number, role: Role, actor: Actor = SYSTEM): Promise<User> {
    const archived = await db.transaction(async (tx) => {
      const current = await lockUser(tx, id)
      refuseOwnersToOthers(role, current.role)
      await tx.update(users).set({ status: 'archived' }).where(eq(users.id, id))
      if (current.role === 'owner') await refuseOwnerless(tx)
      await audit(tx, actor, 'users.archive', id, {})
      return readUser(tx, id)
    })
    await onSignedOut(id)
    return archived
  }

  return { list, get, create, update, archive, resetPassword, resetTotp, adjustBalance }
}

function selectUsers(db: Builder) {
  return db
    .select({
      id: users.id,
      email: users.email,
      name: users.name,
      role: users.role,
      status: users.status,
      concurrency: users.concurrency,
      balanceNano: users.balanceNano,
      leasedNano: leasedNano.as('leased_nano'),
      notes: users.notes,
      createdAt: users.createdAt,
      groupIds: sql<number[]>`array(
        select ${userGroups.groupId}::float8 from ${userGroups} where ${userGroups.userId} = ${users.id} order by 1
      )`,
    })
    .from(users)
    .$dynamic()
}

type UserRow = Awaited<ReturnType<typeof selectUsers>>[number]

/** What running instances have taken out of the balance and neither billed nor given back. */
const leasedNano = sql<string>`(
  select coalesce(sum(l.amount_nano), 0) from credit_leases l where l.purse = 'balance' and l.owner_id = "users"."id"
)`

/** What is leased still belongs to the user, until it is billed. */
function toUser({ balanceNano, leasedNano, createdAt, ...row }: UserRow): User {
  const reserved = BigInt(leasedNano)
  const balance = balanceNano + reserved
  return {
    ...row,
    balance: formatDollars(balance),
    balanceNano: balance.toString(),
    reserved: formatDollars(reserved),
    reservedNano: reserved.toString(),
    createdAt: createdAt.toISOString(),
  }
}

async function readUser(db: Builder, id: number): Promise<User> {
  const [row] = await selectUsers(db).where(eq(users.id, id))
  if (!row) throw new AppError('not_found', { field: 'id' })
  return toUser(row)
}

async function lockUser(db: Builder, id: number): Promise<{ role: Role }> {
  const [row] = await db.select({ role: users.role }).from(users).where(eq(users.id, id)).for('update')
  if (!row) throw new AppError('not_found', { field: 'id' })
  return row
}

function refuseOwnersToOthers(caller: Role, role: Role): void {
  if (role === 'owner' && !hasPermission(caller, 'owners:write')) throw new AppError('forbidden', { field: 'role' })
}

async function refuseTakenEmail(db: Builder, email: string, butId = 0): Promise<void> {
  const [taken] = await db
    .select({ id: users.id })
    .from(users)
    .where(and(eq(sql`lower(${users.email})`, email), ne(users.id, butId)))
  if (taken) throw new AppError('conflict', { field: 'email', message: 'This e-mail address is taken' })
}

// Reads under lock, so that two owners cannot demote each other at the same moment.
async function refuseOwnerless(db: Builder): Promise<void> {
  const owners = await db
    .select({ id: users.id })
    .from(users)
    .where(and(eq(users.role, 'owner'), eq(users.status, 'active')))
    .orderBy(asc(users.id))
    .for('update')
  if (owners.length === 0) throw new AppError('conflict', { message: 'The last owner must stay an active owner' })
}

async function replaceGroups(db: Builder, userId: number, groupIds: number[]): Promise<void> {
  await db.delete(userGroups).where(eq(userGroups.userId, userId))
  if (groupIds.length === 0) return
  const known = await db.select({ id: groups.id }).from(groups).where(inArray(groups.id, groupIds))
  if (known.length !== groupIds.length) throw new AppError('not_found', { field: 'groupIds' })
  await db.insert(userGroups).values(groupIds.map((groupId) => ({ userId, groupId })))
}
