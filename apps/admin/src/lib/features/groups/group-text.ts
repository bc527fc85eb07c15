import type { BillingMode, GroupStatus, InstructionMode, OnBusy, OnDisconnect, Stickiness } from '@turnpike/core/words'
import { m } from '#lib/paraglide/messages.js'
import type { Look } from '#lib/ui/tone.ts'

const STATUS_LOOKS = {
  active: { tone: 'ok', text: m.status_active },
  disabled: { tone: 'neutral', text: m.status_disabled },
  archived: { tone: 'neutral', text: m.status_archived },
} satisfies Record<GroupStatus, Look>

export function groupStatusLook(status: GroupStatus): Look {
  return STATUS_LOOKS[status]
}

const BILLING_TEXTS = {
  none: m.billing_none,
  balance: m.billing_balance,
  subscription: m.billing_subscription,
} satisfies Record<BillingMode, () => string>

export function billingText(mode: BillingMode): string {
  return BILLING_TEXTS[mode]()
}

/** What a select offers, in the page's language. */
export function billingChoices(): { value: BillingMode; label: string }[] {
  return [
    { value: 'none', label: m.billing_none() },
    { value: 'balance', label: m.billing_balance() },
    { value: 'subscription', label: m.billing_subscription() },
  ]
}

export function onBusyChoices(): { value: OnBusy; label: string }[] {
  return [
    { value: 'wait', label: m.on_busy_wait() },
    { value: 'fail', label: m.on_busy_fail() },
  ]
}

export function onDisconnectChoices(): { value: OnDisconnect; label: string }[] {
  return [
    { value: 'cancel', label: m.on_disconnect_cancel() },
    { value: 'drain', label: m.on_disconnect_drain() },
  ]
}

export function stickinessChoices(): { value: Stickiness; label: string }[] {
  return [
    { value: 'off', label: m.stickiness_off() },
    { value: 'session', label: m.stickiness_session() },
    { value: 'content', label: m.stickiness_content() },
  ]
}

export function instructionChoices(): { value: InstructionMode; label: string }[] {
  return [
    { value: 'off', label: m.instructions_off() },
    { value: 'fill', label: m.instructions_fill() },
    { value: 'override', label: m.instructions_override() },
  ]
}
