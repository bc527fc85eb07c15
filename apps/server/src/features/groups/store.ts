import type { GroupCreate, GroupList, GroupUpdate } from '@turnpike/core/inputs/groups'
import { formatDollars } from '@turnpike/core/money'
import type { BillingMode, GroupStatus, InstructionMode, OnBusy, OnDisconnect, Stickiness } from '@turnpike/core/words'
import type { Db } from '@turnpike/db'
import { groups } from '@turnpike/db/schema'
import { and, asc, eq, gt, ilike, ne } from 'drizzle-orm'
import { AppError } from '../../shared/app-error.ts'
import { type Actor, auditOf, SYSTEM } from '../../shared/audit.ts'
import { changed } from '../../shared/changed.ts'
import { afterId, containing, type Page, pageOf } from '../../shared/keyset.ts'

const audit = auditOf('group')

/** A group as the API shows it. Null = no limit. */
export interface Group {
  id: number
  name: string
  status: GroupStatus
  billing: BillingMode
  rateMultiplier: string
  exclusive: boolean
  models: string[]
  requestsPerMinute: number | null
  tokensPerMinute: number | null
  instructions: { mode: InstructionMode; text: string }
  onBusy: OnBusy
  onDisconnect: OnDisconnect
  stickiness: Stickiness
  limits: { day: string | null; week: string | null; month: string | null }
  validityDays: number | null
  timeouts: { connectMs: number; firstByteMs: number; idleMs: number; totalMs: number }
  maxAccountSwitches: number
  assumedOutputTokens: number
}

export type GroupStore = ReturnType<typeof createGroupStore>

/** Groups in the database. */
export function createGroupStore({ db }: { db: Db['db'] }) {
  async function list({ status, query, limit, cursor }: GroupList): Promise<Page<Group>> {
    const after = afterId(cursor)
    const rows = await db
      .select()
      .from(groups)
      .where(
        and(
          status ? eq(groups.status, status) : ne(groups.status, 'archived'),
          query ? ilike(groups.name, containing(query)) : undefined,
          after === null ? undefined : gt(groups.id, after),
        ),
      )
      .orderBy(asc(groups.id))
      .limit(limit + 1)
    return pageOf(rows.map(toGroup), limit, (group) => String(group.id))
  }

  async function get(id: number): Promise<Group> {
    return found(await db.select().from(groups).where(eq(groups.id, id)))
  }

  async function create({ name, ...settings }: GroupCreate, actor: Actor = SYSTEM): Promise<Group> {
    return db.transaction(async (tx) => {
      const group = found(
        await tx
          .insert(groups)
          .values({ name, ...toColumns(settings) })
          .returning(),
      )
      await audit(tx, actor, 'groups.create', group.id, { ...group })
      return group
    })
  }

  async function update({ id, ...changes }: GroupUpdate, actor: Actor = SYSTEM): Promise<Group> {
    const columns = toColumns(changes)
    if (Object.values(columns).every((value) => value === undefined)) return get(id)
    return db.transaction(async (tx) => {
      const before = found(await tx.select().from(groups).where(eq(groups.id, id)).for('update'))
      const group = found(await tx.update(groups).set(columns).where(eq(groups.id, id)).returning())
      await audit(tx, actor, 'groups.update', id, changed(before, group))
      return group
    })
  }

  async function archive(id: number, actor: Actor = SYSTEM): Promise<Group> {
    return db.transaction(async (tx) => {
      const group = found(await tx.update(groups).set({ status: 'archived' }).where(eq(groups.id, id)).returning())
      await audit(tx, actor, 'groups.archive', id, {})
      return group
    })
  }

  return { list, get, create, update, archive }
}

type GroupRow = typeof groups.$inferSelect

function found([row]: GroupRow[]): Group {
  if (!row) throw new AppError('not_found', { field: 'id' })
  return toGroup(row)
}

// Members that are undefined leave their columns as they are.
function toColumns({ rateMultiplier, instructions, limits, timeouts, ...rest }: Omit<GroupUpdate, 'id'>) {
  return {
    ...rest,
    rateMultiplierE4: rateMultiplier,
    instructionsMode: instructions?.mode,
    instructionsText: instructions?.text,
    limitDayNano: limits?.day,
    limitWeekNano: limits?.week,
    limitMonthNano: limits?.month,
    connectTimeoutMs: timeouts?.connectMs,
    firstByteTimeoutMs: timeouts?.firstByteMs,
    idleTimeoutMs: timeouts?.idleMs,
    totalTimeoutMs: timeouts?.totalMs,
  }
}

function toGroup(row: GroupRow): Group {
  return {
    id: row.id,
    name: row.name,
    status: row.status,
    billing: row.billing,
    rateMultiplier: String(row.rateMultiplierE4 / 10_000),
    exclusive: row.exclusive,
    models: row.models,
    requestsPerMinute: row.requestsPerMinute,
    tokensPerMinute: row.tokensPerMinute,
    instructions: { mode: row.instructionsMode, text: row.instructionsText },
    onBusy: row.onBusy,
    onDisconnect: row.onDisconnect,
    stickiness: row.stickiness,
    limits: { day: dollars(row.limitDayNano), week: dollars(row.limitWeekNano), month: dollars(row.limitMonthNano) },
    validityDays: row.validityDays,
    timeouts: {
      connectMs: row.connectTimeoutMs,
      firstByteMs: row.firstByteTimeoutMs,
      idleMs: row.idleTimeoutMs,
      totalMs: row.totalTimeoutMs,
    },
    maxAccountSwitches: row.maxAccountSwitches,
    assumedOutputTokens: row.assumedOutputTokens,
  }
}

function dollars(nano: bigint | null): string | null {
  return nano === null ? null : formatDollars(nano)
}
