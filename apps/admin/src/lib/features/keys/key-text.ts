import type { KeyStatus } from '@turnpike/core/words'
import { m } from '#lib/paraglide/messages.js'
import type { Look } from '#lib/ui/tone.ts'

const STATUS_LOOKS = {
  active: { tone: 'ok', text: m.status_active },
  disabled: { tone: 'neutral', text: m.status_disabled },
  revoked: { tone: 'bad', text: m.status_revoked },
  expired: { tone: 'warn', text: m.status_expired },
} satisfies Record<KeyStatus | 'expired', Look>

/** A key past its date is expired, whatever else it is. */
export function keyStatusLook(
  { status, expiresAt }: { status: KeyStatus; expiresAt: string | null },
  nowMs: number,
): Look {
  const isExpired = status === 'active' && expiresAt !== null && Date.parse(expiresAt) <= nowMs
  return STATUS_LOOKS[isExpired ? 'expired' : status]
}
