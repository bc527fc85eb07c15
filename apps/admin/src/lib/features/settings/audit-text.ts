import type { AuditActorKind } from '@turnpike/core/words'
import { m } from '#lib/paraglide/messages.js'

const ACTOR_TEXTS = {
  user: m.audit_user,
  token: m.audit_token,
  system: m.audit_system,
} satisfies Record<AuditActorKind, () => string>

export function actorKindText(kind: AuditActorKind): string {
  return ACTOR_TEXTS[kind]()
}

/** A value of a change as one line of text. */
export function changeText(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value)
}
