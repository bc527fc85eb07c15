import type { OpsMetricsHistory } from '@turnpike/core/inputs/ops'
import { formatDollars } from '@turnpike/core/money'
import type { Span } from '@turnpike/core/ops/window'
import type { Db } from '@turnpike/db'
import { opsSystemMetrics } from '@turnpike/db/schema'
import { and, desc, eq, gte, lt } from 'drizzle-orm'

const ALL_INSTANCES = '*'

export type MetricsRow = Omit<typeof opsSystemMetrics.$inferSelect, 'createdAt' | 'updatedAt' | 'costNano' | 'tags'> & {
  createdAt: string
  updatedAt: string
  cost: string
  costNano: string
}

/** Rows of `ops_system_metrics`, newest first. */
export async function metricsHistory(
  db: Db['db'],
  span: Span,
  { windowMinutes, limit, instanceId = ALL_INSTANCES }: OpsMetricsHistory,
): Promise<{ items: MetricsRow[] }> {
  const rows = await db
    .select()
    .from(opsSystemMetrics)
    .where(
      and(
        eq(opsSystemMetrics.windowMinutes, windowMinutes),
        eq(opsSystemMetrics.instanceId, instanceId),
        gte(opsSystemMetrics.createdAt, new Date(span.fromMs)),
        lt(opsSystemMetrics.createdAt, new Date(span.toMs)),
      ),
    )
    .orderBy(desc(opsSystemMetrics.createdAt))
    .limit(limit)
  return {
    items: rows.map(({ tags: _tags, createdAt, updatedAt, costNano, ...row }) => ({
      ...row,
      createdAt: createdAt.toISOString(),
      updatedAt: updatedAt.toISOString(),
      cost: formatDollars(costNano),
      costNano: String(costNano),
    })),
  }
}
