import type { AlertSeverity, DeliveryKind } from '../ops/words.ts'
import type { Labels, Notice } from './notice.ts'

/** What stands in `alert_deliveries.payload`, by the delivery's kind. */
export type DeliveryPayload =
  | { kind: Notice['kind']; notice: Notice }
  | { kind: 'digest'; digest: Digest }
  | { kind: 'test'; test: { at: string; by: string } }

/** How many messages a channel's hourly limit held back. Times ISO 8601. */
export interface Digest {
  count: number
  from: string
  to: string
  hourlyLimit: number
}

/** A message as every template tells it: no markup, nothing escaped yet. */
export interface Message {
  /** The same at every try. */
  id: string
  /** `ping`: nothing to tell but that telling works. */
  kind: DeliveryKind | 'ping'
  severity: AlertSeverity
  /** Whether it says that something is over. */
  isGood: boolean
  title: string
  /** One sentence. */
  summary: string
  facts: { name: string; value: string }[]
  /** ISO 8601. */
  at: string
  /** Where the panel shows it. */
  url: string
  runbookUrl: string | null
  /** What a pager takes for one incident: from firing to resolved. */
  incident: string
  /** Programs get it whole. */
  data: Record<string, unknown>
}

interface Of {
  id: string
  severity: AlertSeverity
  channelName: string
  /** Origin of the panel. */
  panelUrl: string
}

/** Puts what is to be told into words. */
export function messageOf(payload: DeliveryPayload, of: Of): Message {
  switch (payload.kind) {
    case 'digest':
      return digestMessage(payload.digest, of)
    case 'test':
      return testMessage(payload.test, of)
    case 'meta':
      return metaMessage(payload.notice, of)
    case 'firing':
    case 'repeat':
    case 'resolved':
      return alertMessage(payload.notice, of)
  }
}

function alertMessage(notice: Notice, { id, severity, panelUrl }: Of): Message {
  const { rule, kind } = notice
  const labels = namedLabels(notice)
  const of = Object.keys(labels).length === 0 ? '' : ` (${Object.values(labels).join(', ')})`
  const url = `${panelUrl}/alerts/events?event=${notice.eventId}`
  const value = notice.value === null ? 'no data' : number(notice.value)
  const condition = `${rule.metric} ${rule.operator} ${number(rule.threshold)}`
  return {
    id,
    kind,
    severity,
    isGood: kind === 'resolved',
    title: `${VERBS[kind] ?? ''}: ${rule.name}${of}`,
    summary:
      kind === 'resolved'
        ? `Over since ${notice.resolvedAt ?? notice.at}: ${RESOLVED[notice.resolvedReason ?? 'recovered']}.`
        : `${rule.metric} (${rule.aggregation}, ${rule.windowMinutes} min) is ${value}; the rule is ${condition}.`,
    facts: facts({
      Severity: severity,
      Metric: `${rule.metric} (${rule.aggregation} over ${rule.windowMinutes} min)`,
      Value: value,
      Threshold: `${rule.operator} ${number(rule.threshold)}`,
      Peak: notice.peak === null ? null : number(notice.peak),
      Since: notice.firedAt,
      Until: notice.resolvedAt,
      ...labels,
      Description: rule.description === '' ? null : rule.description,
    }),
    at: notice.at,
    url,
    runbookUrl: rule.runbookUrl,
    incident: `turnpike-event-${notice.eventId}`,
    data: { ...notice, url },
  }
}

function metaMessage(notice: Notice, { id, severity, panelUrl }: Of): Message {
  return {
    id,
    kind: 'meta',
    severity,
    isGood: false,
    title: `Cannot be evaluated: ${notice.rule.name}`,
    summary:
      'This rule failed to be evaluated three times in a row. It keeps its state until it can be evaluated again.',
    facts: facts({ Severity: severity, Metric: notice.rule.metric }),
    at: notice.at,
    url: `${panelUrl}/alerts/rules`,
    runbookUrl: notice.rule.runbookUrl,
    incident: `turnpike-rule-${notice.rule.id}-evaluation`,
    data: { ...notice },
  }
}

function digestMessage(digest: Digest, { id, severity, channelName, panelUrl }: Of): Message {
  return {
    id,
    kind: 'digest',
    severity,
    isGood: false,
    title: `${digest.count} more ${digest.count === 1 ? 'alert' : 'alerts'}`,
    summary: `The channel "${channelName}" takes ${digest.hourlyLimit} messages an hour; ${digest.count} more were held back.`,
    facts: facts({ 'Held back': String(digest.count), From: digest.from, To: digest.to }),
    at: digest.to,
    url: `${panelUrl}/alerts/events`,
    runbookUrl: null,
    incident: `turnpike-digest-${id}`,
    data: { ...digest },
  }
}

function testMessage({ at, by }: { at: string; by: string }, { id, severity, channelName, panelUrl }: Of): Message {
  return {
    id,
    kind: 'test',
    severity,
    isGood: true,
    title: 'Test message',
    summary: `The channel "${channelName}" works. ${by} asked for this message.`,
    facts: [],
    at,
    url: `${panelUrl}/alerts/channels`,
    runbookUrl: null,
    incident: `turnpike-test-${id}`,
    data: { by },
  }
}

/** What a dead-man channel hears every minute. */
export function pingMessage({ id, at, panelUrl }: { id: string; at: string; panelUrl: string }): Message {
  return {
    id,
    kind: 'ping',
    severity: 'info',
    isGood: true,
    title: 'Alerting works',
    summary: 'Rules are being evaluated. When this call stays away, they are not.',
    facts: [],
    at,
    url: panelUrl,
    runbookUrl: null,
    incident: 'turnpike-ping',
    data: {},
  }
}

const VERBS: Partial<Record<DeliveryKind, string>> = {
  firing: 'Firing',
  repeat: 'Still firing',
  resolved: 'Resolved',
}

const RESOLVED = {
  recovered: 'the value recovered',
  no_data: 'there is no data any more',
  rule_changed: 'the rule was changed',
  rule_disabled: 'the rule was switched off',
  rule_deleted: 'the rule was deleted',
  manual: 'somebody ended it',
} as const satisfies Record<NonNullable<Notice['resolvedReason']>, string>

/** Labels with the names that people know their values by. */
function namedLabels({
  labels,
  eventLabels,
  labelNames,
}: Pick<Notice, 'labels' | 'eventLabels' | 'labelNames'>): Labels {
  const all = { ...eventLabels, ...labels }
  return Object.fromEntries(Object.entries(all).map(([name, value]) => [name, labelNames[name] ?? value]))
}

function facts(named: Record<string, string | null>): Message['facts'] {
  return Object.entries(named).flatMap(([name, value]) => (value === null ? [] : [{ name, value }]))
}

/** At most four digits that count; whole numbers whole. */
function number(value: number): string {
  return Number.isInteger(value) ? String(value) : String(Number(value.toPrecision(4)))
}
