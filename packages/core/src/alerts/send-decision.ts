import {
  ALERT_SEVERITIES,
  type AlertSeverity,
  type DeliveryKind,
  type MuteReason,
  type SilenceKind,
} from '../ops/words.ts'
import type { Labels } from './notice.ts'

/** A silence that holds now. */
export interface ActiveSilence {
  id: number
  kind: SilenceKind
  ruleId: number | null
  /** Empty = every severity. */
  severities: readonly AlertSeverity[]
  labels: Labels
}

/** All that decides whether a message leaves, as it is at the moment of sending. */
export interface Sending {
  kind: DeliveryKind
  severity: AlertSeverity
  ruleId: number | null
  /** Of the series, and those its rule adds. */
  labels: Labels
  /** Null = the message tells of no episode. */
  event: { isFiring: boolean; isAcknowledged: boolean } | null
  channel: { enabled: boolean; minSeverity: AlertSeverity; hourlyLimit: number }
  silences: readonly ActiveSilence[]
  /** Messages that left by this channel within the hour. */
  sentLastHour: number
  /** Of this episode, by this channel: whether one said that it fires, and whether one is on its way just now. */
  told: { hasLeft: boolean; isOnItsWay: boolean }
}

export type SendDecision =
  | { act: 'send' }
  | { act: 'wait' }
  /** It would tell of a state that is over, or that something is over of which nobody was told. */
  | { act: 'supersede' }
  | { act: 'mute'; reason: Exclude<MuteReason, 'digested'>; silenceId: number | null }
  /** Beyond the hourly limit: it is counted in the digest. */
  | { act: 'digest' }

/** What becomes of a message now (alerts.md, "Delivery"). Silences and acknowledgement mute messages, never events. */
export function decideSending(sending: Sending): SendDecision {
  const { kind, channel, severity, event, told, sentLastHour } = sending
  if (!channel.enabled) return muted('channel_disabled')
  if (isOver(sending)) return { act: 'supersede' }
  if (kind === 'resolved' && told.isOnItsWay) return { act: 'wait' }
  if (kind === 'resolved' && !told.hasLeft) return { act: 'supersede' }
  if (kind === 'digest') return { act: 'send' }
  if (rank(severity) < rank(channel.minSeverity)) return muted('severity')
  const silence = sending.silences.find((candidate) => silences(candidate, sending))
  if (silence) return { act: 'mute', reason: silence.kind, silenceId: silence.id }
  if (event?.isAcknowledged && BEGINNINGS.includes(kind)) return muted('acknowledged')
  return sentLastHour >= channel.hourlyLimit ? { act: 'digest' } : { act: 'send' }
}

/** Kinds that say that something is so; `resolved` says that it is over. */
const BEGINNINGS: readonly DeliveryKind[] = ['firing', 'repeat', 'meta']

/** Resolved before its first message had left: neither is sent. */
function isOver({ kind, event }: Sending): boolean {
  return BEGINNINGS.includes(kind) && event !== null && !event.isFiring
}

export function silences(
  silence: ActiveSilence,
  { ruleId, severity, labels }: Pick<Sending, 'ruleId' | 'severity' | 'labels'>,
) {
  if (silence.ruleId !== null && silence.ruleId !== ruleId) return false
  if (silence.severities.length > 0 && !silence.severities.includes(severity)) return false
  return Object.entries(silence.labels).every(([name, value]) => Object.hasOwn(labels, name) && labels[name] === value)
}

function muted(reason: Exclude<MuteReason, 'digested'>): SendDecision {
  return { act: 'mute', reason, silenceId: null }
}

function rank(severity: AlertSeverity): number {
  return ALERT_SEVERITIES.indexOf(severity)
}
