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

type HistoryFilters = Omit<OpsMetricsHistory, 'limit' | 'range' | 'from' | 'to'>

/** Rows of `ops_system_metrics`, newest first. */
export async function metricsHistory(
  db: Db['db'],
  span: Span,
  { limit, ...filters }: HistoryFilters & { limit: number },
): Promise<{ items: MetricsRow[] }> {
  const { windowMinutes, instanceId = ALL_INSTANCES } = filters
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
    // Of one instance there is one row a minute.
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

/** All of them, newest first; a function that gives so many at a time, none at the end. */
export function metricsReading(db: Db['db'], span: Span, filters: HistoryFilters) {
  let { toMs } = span
  return async (limit: number): Promise<MetricsRow[]> => {
    const { items } = await metricsHistory(db, { ...span, toMs }, { ...filters, limit })
    const last = items.at(-1)
    if (last !== undefined) toMs = Date.parse(last.createdAt)
    return items
  }
}
