import { m } from '#lib/paraglide/messages.js'
import type { Look } from '#lib/ui/tone.ts'
import type { TokenStatus } from './token-values.ts'

const STATUS_LOOKS = {
  active: { tone: 'ok', text: m.status_active },
  expired: { tone: 'warn', text: m.status_expired },
  revoked: { tone: 'bad', text: m.status_revoked },
} satisfies Record<TokenStatus, Look>

export function tokenStatusLook(status: TokenStatus): Look {
  return STATUS_LOOKS[status]
}
