import type { SubscriptionStatus } from '@turnpike/core/words'
import { m } from '#lib/paraglide/messages.js'
import type { Look } from '#lib/ui/tone.ts'

const STATUS_LOOKS = {
  active: { tone: 'ok', text: m.status_active },
  expired: { tone: 'warn', text: m.status_expired },
  revoked: { tone: 'bad', text: m.status_revoked },
} satisfies Record<SubscriptionStatus, Look>

export function subscriptionLook(status: SubscriptionStatus): Look {
  return STATUS_LOOKS[status]
}
