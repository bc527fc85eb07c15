import type { UserCreate, UserList, UserUpdate } from '@turnpike/core/inputs/users'
import { formatDollars } from '@turnpike/core/money'
import type { Role, UserStatus } from '@turnpike/core/words'
import type { Db } from '@turnpike/db'
import { groups, userGroups, users } from '@turnpike/db/schema'
import { and, asc, eq, gt, ilike, inArray, ne, or, sql } from 'drizzle-orm'
import { AppError } from '../../shared/app-error.ts'
import { afterId, containing, type Page, pageOf } from '../../shared/keyset.ts'
import { hasPermission } from '../../shared/permissions.ts'

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

export type UserStore = ReturnType<typeof createUserStore>
type Builder = Pick<Db['db'], 'select' | 'insert' | 'update' | 'delete'>

/** Users in the database. `hashPassword` is the only thing that ever sees a password here. */
export function createUserStore({
  db,
  hashPassword,
}: {
  db: Db['db']
  hashPassword(password: string): Promise<string>
}) {
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

  /** `actor` is the role of who creates: nobody makes a user of a higher role than his own. */
  async function create({ groupIds, password, ...values }: UserCreate, actor: Role): Promise<User> {
    refuseOwnersToOthers(actor, values.role)
    const passwordHash = password === undefined ? null : await hashPassword(password)
    return db.transaction(async (tx) => {
      await refuseTakenEmail(tx, values.email)
      const [row] = await tx
        .insert(users)
        .values({ ...values, passwordHash })
        .returning({ id: users.id })
      if (!row) throw new AppError('internal')
      await replaceGroups(tx, row.id, groupIds)
      return readUser(tx, row.id)
    })
  }

  async function update({ id, groupIds, ...changes }: UserUpdate, actor: Role): Promise<User> {
    return db.transaction(async (tx) => {
      const current = await lockUser(tx, id)
      refuseOwnersToOthers(actor, current.role)
      if (changes.role) refuseOwnersToOthers(actor, changes.role)
      if (changes.email) await refuseTakenEmail(tx, changes.email, id)
      if (Object.keys(changes).length > 0) await tx.update(users).set(changes).where(eq(users.id, id))
      if (groupIds) await replaceGroups(tx, id, groupIds)
      if (current.role === 'owner') await refuseOwnerless(tx)
      return readUser(tx, id)
    })
  }

  async function archive(id: number, actor: Role): Promise<User> {
    return db.transaction(async (tx) => {
      const current = await lockUser(tx, id)
      refuseOwnersToOthers(actor, current.role)
      await tx.update(users).set({ status: 'archived' }).where(eq(users.id, id))
      if (current.role === 'owner') await refuseOwnerless(tx)
      return readUser(tx, id)
    })
  }

  return { list, get, create, update, archive }
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

function refuseOwnersToOthers(actor: Role, role: Role): void {
  if (role === 'owner' && !hasPermission(actor, 'owners:write')) throw new AppError('forbidden', { field: 'role' })
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
