import type { OpsRetentionSet } from '@turnpike/core/inputs/ops'
import type { Db } from '@turnpike/db'
import { opsDataRetentionConfig } from '@turnpike/db/schema'
import { eq } from 'drizzle-orm'
import { AppError } from '../../../shared/app-error.ts'
import { type Actor, recordAudit } from '../../../shared/audit.ts'
import { changed } from '../../../shared/changed.ts'

export interface Retention {
  tableName: string
  /** Null = for ever. */
  days: number | null
  enabled: boolean
  lastCleanupAt: string | null
  lastCleanupRows: number | null
  lastCleanupMs: number | null
}

/** Sets how long a table keeps its rows; the next daily job goes by it. Throws `not_found` for a table without retention. */
export async function setRetention(
  db: Db['db'],
  { tableName, days, enabled }: OpsRetentionSet,
  actor: Actor,
): Promise<Retention> {
  return db.transaction(async (tx) => {
    const isMeant = eq(opsDataRetentionConfig.tableName, tableName)
    const [before] = await tx.select().from(opsDataRetentionConfig).where(isMeant).for('update')
    if (before === undefined) throw new AppError('not_found', { field: 'tableName' })
    const values = { days, enabled: enabled ?? before.enabled }
    const [after = before] = await tx.update(opsDataRetentionConfig).set(values).where(isMeant).returning()
    const { days: daysBefore, enabled: enabledBefore } = before
    await recordAudit(tx, actor, {
      action: 'ops.retention.set',
      target: { type: 'table', id: tableName },
      change: changed({ days: daysBefore, enabled: enabledBefore }, values),
    })
    return { ...after, lastCleanupAt: after.lastCleanupAt?.toISOString() ?? null }
  })
}
