import type { RouterOutputs } from '@turnpike/client'
import type { SubscriptionStatus } from '@turnpike/core/words'
import { m } from '#lib/paraglide/messages.js'
import type { Look } from '#lib/ui/tone.ts'

export type Subscription = RouterOutputs['subscriptions']['list']['items'][number]
export type Progress = RouterOutputs['subscriptions']['progress']

const DAY_MS = 86_400_000

const STATUS_LOOKS = {
  active: { tone: 'ok', text: m.status_active },
  expired: { tone: 'warn', text: m.status_expired },
  revoked: { tone: 'bad', text: m.status_revoked },
} satisfies Record<SubscriptionStatus, Look>

export function subscriptionLook(status: SubscriptionStatus): Look {
  return STATUS_LOOKS[status]
}

/** When it would end with so many days more: they are added to its end, or to now where it is over. Null = no such days. */
export function subscriptionEnd(expiresAt: string, days: number, nowMs: number): string | null {
  if (!Number.isInteger(days) || days < 1 || days > 3_650) return null
  return new Date(Math.max(Date.parse(expiresAt), nowMs) + days * DAY_MS).toISOString()
}
