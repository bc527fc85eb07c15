import type { Role } from '@turnpike/core/words'

/** Who calls, by a session that was valid when it was read. */
export interface Identity {
  sessionId: number
  userId: number
  email: string
  role: Role
  /** The session's absolute end. */
  expiresAt: Date
}
