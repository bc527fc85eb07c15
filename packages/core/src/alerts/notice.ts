import type { AlertAggregation, AlertOperator, AlertResolvedReason, AlertSeverity, DeliveryKind } from '../ops/words.ts'

/** Names and values by which one series of a rule is told from the others, e.g. `{group: '3'}`. */
export type Labels = Readonly<Record<string, string>>

/** A rule as it was when it spoke: a message must be right although the rule is changed or gone. */
export interface RuleSnapshot {
  id: number
  name: string
  description: string
  metric: string
  aggregation: AlertAggregation
  operator: AlertOperator
  threshold: number
  windowMinutes: number
  forMinutes: number
  runbookUrl: string | null
  /** Ids; empty = the default channels. */
  notifyChannels: readonly number[]
  notifyConfig: { sendResolved: boolean; fallbackChannelId: number | null }
}

/**
 * What the judging half of alerting hands to the telling half, in the transaction that writes the change of state: one
 * message, not yet one for each channel. `meta` tells that a rule cannot be evaluated. Times ISO 8601.
 */
export interface Notice {
  kind: Extract<DeliveryKind, 'firing' | 'repeat' | 'resolved' | 'meta'>
  eventId: number
  rule: RuleSnapshot
  severity: AlertSeverity
  /** Of the series; those the rule's author gave every event are in `eventLabels` too. */
  labels: Labels
  eventLabels: Labels
  /** What people call the values of labels that are ids, e.g. `{group: 'standard'}`. */
  labelNames: Labels
  episode: number
  /** 1, 2, … within the episode. */
  sequence: number
  /** The end of the minute that made it so. */
  at: string
  value: number | null
  /** The value furthest beyond the threshold so far. */
  peak: number | null
  firedAt: string
  resolvedAt: string | null
  resolvedReason: AlertResolvedReason | null
}

/**
 * The one name of a message to a channel (alerts.md, "Delivery"): two evaluators, a replay or a crash cannot make a second
 * row of it.
 */
export function deliveryKey(
  { kind, rule, labels, episode, sequence }: Pick<Notice, 'kind' | 'rule' | 'labels' | 'episode' | 'sequence'>,
  channelId: number,
): string {
  return [rule.id, labelsKey(labels), episode, kind, sequence, channelId].join('|')
}

/** The same text for the same labels, in whatever order they come. */
export function labelsKey(labels: Labels): string {
  return JSON.stringify(Object.entries(labels).toSorted(([a], [b]) => (a < b ? -1 : 1)))
}

/**
 * Takes messages over in the transaction that changed what they tell of (Drizzle's, on the server): they commit with it, or
 * neither does. Called again with the same notices it adds nothing. Rejects to undo the whole transaction.
 */
export type EnqueueNotices<Transaction> = (tx: Transaction, notices: readonly Notice[]) => Promise<void>
