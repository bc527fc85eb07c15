import type { Role } from '@turnpike/core/words'
import { hasPermission, type Permission } from './permissions.ts'

interface Caller {
  userId: number
  email: string
  /** Of the user, as it was when this was read. */
  role: Role
  /** The absolute end of the session or token. */
  expiresAt: Date
}

/** A person, by a session that was valid when it was read. */
export interface SessionIdentity extends Caller {
  kind: 'session'
  sessionId: number
}

/** A program, by a service token of a user: it may do what it was made for, as long as he still could. */
export interface TokenIdentity extends Caller {
  kind: 'token'
  tokenId: number
  name: string
  scopes: readonly Permission[]
}

/** Who calls. */
export type Identity = SessionIdentity | TokenIdentity

/** Whether the caller may do something now: a token never more than its user still could. */
export function isAllowed(identity: Identity, permission: Permission): boolean {
  if (!hasPermission(identity.role, permission)) return false
  return identity.kind === 'session' || identity.scopes.includes(permission)
}
