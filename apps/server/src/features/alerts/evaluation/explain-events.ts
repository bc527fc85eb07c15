import { TUPLE_DIMENSIONS, termsOf } from '@turnpike/core/alerts/metrics'
import { type Labels, labelsKey } from '@turnpike/core/alerts/notice'
import { aggregated } from '@turnpike/core/alerts/reading'
import { requestReading } from '@turnpike/core/alerts/request-reading'
import type { Rule } from '@turnpike/core/alerts/rule'
import type { Db } from '@turnpike/db'
import { opsAlertEvents, opsAlertRules } from '@turnpike/db/schema'
import { and, asc, eq, gt, sql } from 'drizzle-orm'
import type { Sql } from 'postgres'
import type { Log } from '../../../shared/logger.ts'
import type { Explanation, Mover } from '../events/event-view.ts'
import { toStoredRule } from '../rules/stored-rule.ts'
import { labelNames } from './label-names.ts'
import { readHistory } from './read-history.ts'
import { type CountsSource, type RequestRow, readRequests } from './read-requests.ts'

const MINUTE_MS = 60_000
/** Values that are kept with an event, up to its beginning. */
const VALUES_MINUTES = 60
const MAX_MOVERS = 8
/** Events that are explained in one run; those that fired longer ago are history. */
const MAX_EVENTS = 20
const GIVE_UP_HOURS = 24

interface ExplainOptions {
  db: Db['db']
  sql: Sql
  source: CountsSource
  log: Log
}

type EventRow = typeof opsAlertEvents.$inferSelect

/**
 * Works out what made new events fire (alerts.md, "Explain"): beside the evaluation, which waits for nothing, and again
 * where a process was ended in between.
 */
export function createExplainEvents({ db, sql: reports, source, log }: ExplainOptions) {
  return async function explainEvents(): Promise<number> {
    const due = await db
      .select({ event: opsAlertEvents, rule: opsAlertRules })
      .from(opsAlertEvents)
      .innerJoin(opsAlertRules, eq(opsAlertRules.id, opsAlertEvents.ruleId))
      .where(
        and(
          gt(opsAlertEvents.firedAt, sql`now() - make_interval(hours => ${GIVE_UP_HOURS})`),
          sql`not ${opsAlertEvents.explanation} ?| array['found', 'isMeta']`,
        ),
      )
      .orderBy(asc(opsAlertEvents.id))
      .limit(MAX_EVENTS)
    for (const { event, rule } of due) {
      const found = await explained(event, toStoredRule(rule).rule).catch((error: unknown) => {
        log.warn({ err: error, eventId: event.id }, 'an alert event could not be explained')
        return { values: [], movers: [] } satisfies Explanation
      })
      await db
        .update(opsAlertEvents)
        .set({ explanation: sql`${opsAlertEvents.explanation} || ${JSON.stringify({ found })}::text::jsonb` })
        .where(eq(opsAlertEvents.id, event.id))
    }
    return due.length
  }

  async function explained(event: EventRow, rule: Rule): Promise<Explanation> {
    const toMs = event.firedAt.getTime()
    const series = seriesOf(event)
    const history = await readHistory(reports, source, rule, { fromMs: toMs - VALUES_MINUTES * MINUTE_MS, toMs })
    const own = history.find(({ labels }) => labelsKey(labels) === labelsKey(series))
    const values = (own?.points ?? []).map(([at, value]): Explanation['values'][number] => [
      new Date(at).toISOString(),
      value,
    ])
    return { values, movers: termsOf(rule.metric).source === 'requests' ? await moversOf(rule, toMs) : [] }
  }

  /** What changed most from the window before to this one, by each dimension of its own. */
  async function moversOf(rule: Rule, toMs: number): Promise<Mover[]> {
    const windowMs = rule.windowMinutes * MINUTE_MS
    const now = { fromMs: toMs - windowMs, toMs }
    const before = { fromMs: now.fromMs - windowMs, toMs: now.fromMs }
    const ask = { byMinute: false, withBins: rule.metric.endsWith('_ms') }
    const movers: Mover[] = []
    for (const dimension of TUPLE_DIMENSIONS) {
      const [current, earlier] = await Promise.all(
        [now, before].map((span) => readRequests(reports, source, { span, dimensions: [dimension], ...ask })),
      )
      const past = new Map((earlier ?? []).map((row) => [row.values[dimension], measured(rule, row)]))
      for (const row of current ?? []) {
        const value = row.values[dimension] ?? null
        if (value === null) continue
        const told = { dimension, value, label: value, before: past.get(value) ?? null, now: measured(rule, row) }
        movers.push({ ...told, requests: row.counts.requests })
      }
    }
    const top = movers.toSorted((a, b) => change(b) - change(a)).slice(0, MAX_MOVERS)
    const names = await labelNames(
      db,
      top.map(({ dimension, value }) => ({ [dimension]: value })),
    )
    return top.map((mover) => ({
      ...mover,
      label: names({ [mover.dimension]: mover.value })[mover.dimension] ?? mover.value,
    }))
  }
}

function measured(rule: Rule, { counts }: RequestRow): number | null {
  const reading = requestReading(rule.metric, counts)
  return reading === null ? null : aggregated(reading, rule.aggregation, rule.windowMinutes).value
}

/** How far a value moved, by how many requests: one request in a thousand moves nothing. */
function change({ before, now, requests }: Mover): number {
  return Math.abs((now ?? 0) - (before ?? 0)) * Math.log1p(requests)
}

function seriesOf({ explanation }: EventRow): Labels {
  const series: unknown = typeof explanation === 'object' && explanation !== null && Reflect.get(explanation, 'series')
  // Safe because events begin with it.
  return typeof series === 'object' && series !== null ? (series as Labels) : {}
}
