import { type EnqueueNotices, type Labels, labelsKey, type Notice } from '@turnpike/core/alerts/notice'
import { worse } from '@turnpike/core/alerts/transition'
import { alertStates, opsAlertEvents, opsAlertRules } from '@turnpike/db/schema'
import { inArray, sql } from 'drizzle-orm'
import type { Judgement } from './judge.ts'
import { labelNames } from './label-names.ts'
import type { AlertTransaction } from './transaction.ts'

/** Rows of one statement: a statement has at most 65,535 parameters. */
const BATCH = 2_000

type EventRow = typeof opsAlertEvents.$inferSelect

/**
 * Writes what was judged, in one transaction with its messages: states, events that begin or end, `last_triggered_at`, the
 * outbox. Whoever calls it holds the rules' rows of `alert_progress`.
 */
export async function writeJudgements(
  tx: AlertTransaction,
  judgements: readonly Judgement[],
  atMs: number,
  enqueue: EnqueueNotices<AlertTransaction>,
): Promise<void> {
  const events = new Map([...(await openEvents(tx, judgements)), ...(await begin(tx, judgements, atMs))])
  await end(tx, judgements, atMs)
  await writeStates(tx, judgements, events, atMs)
  const notices = judgements.flatMap((judgement) => noticesOf(judgement, events.get(seriesKey(judgement)), atMs))
  if (notices.length > 0) await enqueue(tx, notices)
}

/** Events of episodes that are open before this step and have something to tell. */
async function openEvents(tx: AlertTransaction, judgements: readonly Judgement[]): Promise<Map<string, EventRow>> {
  const open = judgements.filter(({ row, step }) => row?.eventId && (step.notices.length > 0 || step.ends !== null))
  const events = await batched(open, (batch) =>
    tx
      .select()
      .from(opsAlertEvents)
      .where(
        inArray(
          opsAlertEvents.id,
          batch.flatMap(({ row }) => row?.eventId ?? []),
        ),
      ),
  )
  const byId = new Map(events.map((event) => [event.id, event]))
  return new Map(
    open.flatMap((judgement) => {
      const event = byId.get(judgement.row?.eventId ?? 0)
      return event === undefined ? [] : [[seriesKey(judgement), event] as const]
    }),
  )
}

async function begin(
  tx: AlertTransaction,
  judgements: readonly Judgement[],
  atMs: number,
): Promise<Map<string, EventRow>> {
  const begun = judgements.filter(({ step }) => step.begins)
  if (begun.length === 0) return new Map()
  const names = await labelNames(
    tx,
    begun.map(({ labels }) => labels),
  )
  const rows = await batched(begun, (batch) =>
    tx
      .insert(opsAlertEvents)
      .values(
        batch.map(({ stored, labels, part, value, step }) => ({
          ruleId: stored.id,
          ruleName: stored.rule.name,
          severity: part.severity,
          labels: { ...stored.rule.labels, ...labels },
          episode: step.next.episode,
          metricType: stored.rule.metric,
          metricValue: value,
          thresholdValue: part.threshold,
          firedAt: new Date(atMs),
          explanation: { series: labels, labelNames: names(labels) },
        })),
      )
      .returning(),
  )
  await tx
    .update(opsAlertRules)
    .set({ lastTriggeredAt: new Date(atMs) })
    .where(inArray(opsAlertRules.id, [...new Set(begun.map(({ stored }) => stored.id))]))
  return new Map(rows.map((event) => [`${event.ruleId}|${labelsKey(explained(event, 'series'))}`, event]))
}

async function end(tx: AlertTransaction, judgements: readonly Judgement[], atMs: number): Promise<void> {
  const byReason = Map.groupBy(
    judgements.filter(({ step, row }) => step.ends !== null && row?.eventId),
    ({ step }) => step.ends,
  )
  for (const [reason, ended] of byReason) {
    await batched(ended, (batch) =>
      tx
        .update(opsAlertEvents)
        .set({
          status: reason === 'manual' ? 'manual_resolved' : 'resolved',
          resolvedAt: new Date(atMs),
          resolvedReason: reason,
        })
        .where(
          inArray(
            opsAlertEvents.id,
            batch.flatMap(({ row }) => row?.eventId ?? []),
          ),
        )
        .returning({ id: opsAlertEvents.id }),
    )
  }
}

async function writeStates(
  tx: AlertTransaction,
  judgements: readonly Judgement[],
  events: ReadonlyMap<string, EventRow>,
  atMs: number,
): Promise<void> {
  // A series that never left `inactive` is nothing to remember.
  const kept = judgements.filter(({ row, step: { next } }) => row !== null || next.phase !== 'inactive')
  const columns = kept.map((judgement) => {
    const { stored, labels, row, step } = judgement
    const isOpen = step.next.phase === 'firing' || step.next.phase === 'recovering'
    const { sinceMs, lastMessageMs, lastFiringMessageMs, ...state } = step.next
    return {
      ruleId: stored.id,
      labels,
      ...state,
      since: new Date(sinceMs),
      lastMessageAt: dateOf(lastMessageMs),
      lastFiringMessageAt: dateOf(lastFiringMessageMs),
      eventId: isOpen ? (step.begins ? (events.get(seriesKey(judgement))?.id ?? null) : (row?.eventId ?? null)) : null,
      evaluatedTo: new Date(atMs),
    }
  })
  await batched(columns, (batch) =>
    tx
      .insert(alertStates)
      .values(batch)
      .onConflictDoUpdate({ target: [alertStates.ruleId, alertStates.labels], set: EXCLUDED })
      .returning({ ruleId: alertStates.ruleId }),
  )
}

const EXCLUDED = {
  phase: sql`excluded.phase`,
  since: sql`excluded.since`,
  heldMinutes: sql`excluded.held_minutes`,
  episode: sql`excluded.episode`,
  sequence: sql`excluded.sequence`,
  eventId: sql`excluded.event_id`,
  lastMessageAt: sql`excluded.last_message_at`,
  lastFiringMessageAt: sql`excluded.last_firing_message_at`,
  isQuiet: sql`excluded.is_quiet`,
  lastValue: sql`excluded.last_value`,
  peak: sql`excluded.peak`,
  evaluatedTo: sql`excluded.evaluated_to`,
}

function noticesOf(judgement: Judgement, event: EventRow | undefined, atMs: number): Notice[] {
  const { stored, labels, part, value, row, step } = judgement
  if (event === undefined) return []
  const { rule } = stored
  const at = new Date(atMs).toISOString()
  return step.notices.map(({ kind, sequence }) => ({
    kind,
    eventId: event.id,
    rule: {
      id: stored.id,
      name: rule.name,
      description: rule.description,
      metric: rule.metric,
      aggregation: rule.aggregation,
      operator: rule.operator,
      threshold: event.thresholdValue,
      windowMinutes: part.windows[0],
      forMinutes: rule.forMinutes,
      runbookUrl: rule.runbookUrl,
      notifyChannels: rule.notifyChannels,
      notifyConfig: rule.notifyConfig,
    },
    severity: event.severity,
    labels,
    eventLabels: { ...rule.labels, ...labels },
    labelNames: explained(event, 'labelNames'),
    episode: step.next.episode,
    sequence,
    at,
    value,
    peak: worse(row?.peak ?? null, step.next.peak ?? value, rule.operator),
    firedAt: event.firedAt.toISOString(),
    resolvedAt: kind === 'resolved' ? at : null,
    resolvedReason: kind === 'resolved' ? step.ends : null,
  }))
}

/** Safe because `begin` writes labels there. */
function explained({ explanation }: EventRow, member: 'series' | 'labelNames'): Labels {
  const labels: unknown = typeof explanation === 'object' && explanation !== null && Reflect.get(explanation, member)
  return typeof labels === 'object' && labels !== null ? (labels as Labels) : {}
}

function seriesKey({ stored, labels }: Pick<Judgement, 'stored' | 'labels'>): string {
  return `${stored.id}|${labelsKey(labels)}`
}

async function batched<T, Row>(items: readonly T[], write: (batch: T[]) => PromiseLike<Row[]>): Promise<Row[]> {
  const rows: Row[] = []
  for (let from = 0; from < items.length; from += BATCH) rows.push(...(await write(items.slice(from, from + BATCH))))
  return rows
}

function dateOf(ms: number | null): Date | null {
  return ms === null ? null : new Date(ms)
}
