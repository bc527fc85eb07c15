import type { DeliveryKind, DeliveryOutcome, DeliveryStatus, MuteReason } from '@turnpike/core/ops/words'
import { m } from '#lib/paraglide/messages.js'
import type { Look, Tone } from '#lib/ui/tone.ts'

const STATUSES = {
  pending: { tone: 'info', text: m.delivery_pending },
  sending: { tone: 'info', text: m.delivery_sending },
  sent: { tone: 'ok', text: m.delivery_sent },
  muted: { tone: 'neutral', text: m.delivery_muted },
  superseded: { tone: 'neutral', text: m.delivery_superseded },
  dead: { tone: 'bad', text: m.delivery_dead },
} satisfies Record<DeliveryStatus, Look>

const KINDS = {
  firing: m.delivery_kind_firing,
  repeat: m.delivery_kind_repeat,
  resolved: m.delivery_kind_resolved,
  digest: m.delivery_kind_digest,
  test: m.delivery_kind_test,
  meta: m.delivery_kind_meta,
} satisfies Record<DeliveryKind, () => string>

const MUTE_REASONS = {
  silence: m.mute_silence,
  maintenance: m.mute_maintenance,
  acknowledged: m.mute_acknowledged,
  severity: m.mute_severity,
  digested: m.mute_digested,
  channel_disabled: m.mute_channel_disabled,
} satisfies Record<MuteReason, () => string>

const OUTCOMES = {
  ok: m.tried_ok,
  client_error: m.tried_client_error,
  gone: m.tried_gone,
  rate_limited: m.tried_rate_limited,
  server_error: m.tried_server_error,
  redirect: m.tried_redirect,
  timeout: m.tried_timeout,
  unreachable: m.tried_unreachable,
  tls: m.tried_tls,
  unsafe_destination: m.tried_unsafe_destination,
  not_configured: m.tried_not_configured,
  rejected: m.tried_rejected,
  interrupted: m.tried_interrupted,
} satisfies Record<DeliveryOutcome, () => string>

export function deliveryLook(status: DeliveryStatus): Look {
  return STATUSES[status]
}

export function deliveryStatusText(status: DeliveryStatus): string {
  return STATUSES[status].text()
}

export function deliveryKindText(kind: DeliveryKind): string {
  return KINDS[kind]()
}

export function muteReasonText(reason: MuteReason): string {
  return MUTE_REASONS[reason]()
}

export function outcomeText(outcome: DeliveryOutcome): string {
  return OUTCOMES[outcome]()
}

export function outcomeTone(outcome: DeliveryOutcome): Tone {
  return outcome === 'ok' ? 'ok' : 'bad'
}
