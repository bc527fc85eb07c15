import { isMetric } from '@turnpike/core/alerts/metrics'
import type { EnqueueNotices, Notice } from '@turnpike/core/alerts/notice'
import type { Db } from '@turnpike/db'
import { alertProgress, opsAlertEvents } from '@turnpike/db/schema'
import { and, count, eq, inArray } from 'drizzle-orm'
import type { RuleRow } from '../rules/stored-rule.ts'
import type { AlertTransaction } from './transaction.ts'

/** Failed evaluations in a row after which somebody is told (alerts.md, "State"). */
export const FAILURES_UNTIL_META = 3
const MAX_ERROR_CHARS = 500
/** No series of a rule has it: its own labels are of requests. */
const META_LABELS = { evaluation: 'failing' }

type Enqueue = EnqueueNotices<AlertTransaction>

interface Failure {
  error: unknown
  /** As it was when the evaluation began: who moved on meanwhile has not failed. */
  evaluatedTo: Date | null
  atMs: number
  enqueue: Enqueue
}

/** Notes that a rule could not be evaluated; its states stay as they are. The third time in a row raises the meta-alert. */
export function recordFailure(
  db: Db['db'],
  rule: RuleRow,
  { error, evaluatedTo, atMs, enqueue }: Failure,
): Promise<void> {
  return db.transaction(async (tx) => {
    const [progress] = await tx.select().from(alertProgress).where(eq(alertProgress.ruleId, rule.id)).for('update')
    if (progress === undefined || progress.evaluatedTo?.getTime() !== evaluatedTo?.getTime()) return
    const failures = progress.failures + 1
    const isDue = failures >= FAILURES_UNTIL_META && progress.metaEventId === null
    const metaEventId = isDue ? await raise(tx, rule, { failures, atMs, enqueue }) : progress.metaEventId
    await tx
      .update(alertProgress)
      .set({
        failures,
        lastError: messageOf(error),
        failingSince: progress.failingSince ?? new Date(atMs),
        metaEventId,
      })
      .where(eq(alertProgress.ruleId, rule.id))
  })
}

async function raise(
  tx: AlertTransaction,
  rule: RuleRow,
  { failures, atMs, enqueue }: { failures: number; atMs: number; enqueue: Enqueue },
): Promise<number | null> {
  const labels = { ...META_LABELS }
  const [before] = await tx
    .select({ count: count() })
    .from(opsAlertEvents)
    .where(and(eq(opsAlertEvents.ruleId, rule.id), eq(opsAlertEvents.labels, labels)))
  const [event] = await tx
    .insert(opsAlertEvents)
    .values({
      ruleId: rule.id,
      ruleName: rule.name,
      severity: rule.severity,
      labels,
      episode: (before?.count ?? 0) + 1,
      metricType: rule.metricType,
      metricValue: failures,
      thresholdValue: FAILURES_UNTIL_META,
      firedAt: new Date(atMs),
      explanation: { series: labels, labelNames: {}, isMeta: true },
    })
    .returning()
  if (event === undefined) return null
  await enqueue(tx, [noticeOf(rule, event, 'meta', atMs)])
  return event.id
}

/** Rules that can be evaluated again: their meta-alerts are over. `progress` as it was before. */
export async function endMetaAlerts(
  tx: AlertTransaction,
  rules: readonly RuleRow[],
  progress: ReadonlyMap<number, { metaEventId: number | null }>,
  atMs: number,
  enqueue: Enqueue,
): Promise<void> {
  const open = rules.flatMap(({ id }) => progress.get(id)?.metaEventId ?? [])
  if (open.length === 0) return
  const events = await tx
    .update(opsAlertEvents)
    .set({ status: 'resolved', resolvedAt: new Date(atMs), resolvedReason: 'recovered' })
    .where(and(inArray(opsAlertEvents.id, open), eq(opsAlertEvents.status, 'firing')))
    .returning()
  const notices = events.flatMap((event) => {
    const rule = rules.find(({ id }) => id === event.ruleId)
    return rule === undefined ? [] : [noticeOf(rule, event, 'resolved', atMs)]
  })
  if (notices.length > 0) await enqueue(tx, notices)
}

/** The rule as it is stored, sense or not: that is why it may fail. */
function noticeOf(
  rule: RuleRow,
  event: typeof opsAlertEvents.$inferSelect,
  kind: 'meta' | 'resolved',
  atMs: number,
): Notice {
  const at = new Date(atMs).toISOString()
  const { notifyChannels } = rule
  return {
    kind,
    eventId: event.id,
    rule: {
      id: rule.id,
      name: rule.name,
      description: rule.description,
      metric: isMetric(rule.metricType) ? rule.metricType : 'unknown',
      aggregation: rule.aggregation,
      operator: rule.operator,
      threshold: rule.threshold,
      windowMinutes: rule.windowMinutes,
      forMinutes: rule.sustainedMinutes,
      runbookUrl: rule.runbookUrl,
      notifyChannels: Array.isArray(notifyChannels) ? notifyChannels.filter(Number.isSafeInteger) : [],
      notifyConfig: { sendResolved: true, fallbackChannelId: null },
    },
    severity: event.severity,
    labels: META_LABELS,
    eventLabels: META_LABELS,
    labelNames: {},
    episode: event.episode,
    sequence: kind === 'meta' ? 1 : 2,
    at,
    value: event.metricValue,
    peak: null,
    firedAt: event.firedAt.toISOString(),
    resolvedAt: kind === 'resolved' ? at : null,
    resolvedReason: kind === 'resolved' ? 'recovered' : null,
  }
}

function messageOf(error: unknown): string {
  return (error instanceof Error ? error.message : String(error)).slice(0, MAX_ERROR_CHARS)
}
