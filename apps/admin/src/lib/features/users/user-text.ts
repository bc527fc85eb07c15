import type { Role, UserStatus } from '@turnpike/core/words'
import { m } from '#lib/paraglide/messages.js'
import type { Look } from '#lib/ui/tone.ts'

const ROLE_TEXTS = {
  owner: m.role_owner,
  admin: m.role_admin,
  operator: m.role_operator,
  viewer: m.role_viewer,
  user: m.role_user,
} satisfies Record<Role, () => string>

export function roleText(role: Role): string {
  return ROLE_TEXTS[role]()
}

const STATUS_LOOKS = {
  active: { tone: 'ok', text: m.status_active },
  disabled: { tone: 'neutral', text: m.status_disabled },
  archived: { tone: 'neutral', text: m.status_archived },
} satisfies Record<UserStatus, Look>

export function userStatusLook(status: UserStatus): Look {
  return STATUS_LOOKS[status]
}
