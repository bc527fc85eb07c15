import type { MyPage } from '@turnpike/core/inputs/my'
import type { BillingMode } from '@turnpike/core/words'
import type { Db } from '@turnpike/db'
import { AppError } from '../../shared/app-error.ts'
import { afterId, type Page, pageOf } from '../../shared/keyset.ts'
import type { WallClock } from '../../shared/wall-clock.ts'

/** A group as its users see it. */
export interface OwnGroup {
  id: number
  name: string
  billing: BillingMode
  /** Empty = every model its accounts serve. */
  models: string[]
}

interface GroupRow extends Omit<OwnGroup, 'id'> {
  id: string
}

/** The groups a user may hold keys of: open or naming him, and, where a subscription pays, while he has one. */
export function createOwnGroups({ sql, clock }: { sql: Db['sql']; clock: WallClock }) {
  async function list(userId: number, { limit, cursor }: MyPage): Promise<Page<OwnGroup>> {
    const rows = await sql<GroupRow[]>`
      select g.id, g.name, g.billing, g.models from groups g
      where ${isUsable(userId)} and g.id > ${afterId(cursor) ?? 0}
      order by g.id
      limit ${limit + 1}`
    const groups = rows.map((row) => ({ ...row, id: Number(row.id) }))
    return pageOf(groups, limit, ({ id }) => String(id))
  }

  /** Throws `not_found` also where the group is there: that is nothing he has to know. */
  async function assertUsable(userId: number, groupId: number): Promise<void> {
    const [found] = await sql`select 1 from groups g where g.id = ${groupId} and ${isUsable(userId)}`
    if (!found) throw new AppError('not_found', { field: 'groupId' })
  }

  function isUsable(userId: number) {
    const now = new Date(clock.now())
    return sql`g.status = 'active'
      and (not g.exclusive or exists (
        select 1 from user_groups m where m.group_id = g.id and m.user_id = ${userId}))
      and (g.billing <> 'subscription' or exists (
        select 1 from subscriptions s where s.group_id = g.id and s.user_id = ${userId} and s.status = 'active'
          and s.starts_at <= ${now} and s.expires_at > ${now}))`
  }

  return { list, assertUsable }
}
