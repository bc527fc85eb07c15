/** Why a call failed, as far as the page can act on it. */
export interface Problem {
  /** A reason of the API, or `unreachable` where no answer came. */
  reason: string
  /** The field it is about, as a path (`timeouts.connectMs`). */
  field: string | null
  requestId: string | null
}

/** What any thrown value tells: the API's reason and field where it carries them. */
export function toProblem(error: unknown): Problem {
  const data = member(error, 'data')
  const reason = member(data, 'reason')
  if (typeof reason === 'string')
    return { reason, field: text(member(data, 'field')), requestId: text(member(data, 'requestId')) }
  // An answer that is not ours (a proxy's page, say) counts as none.
  return { reason: 'unreachable', field: null, requestId: null }
}

/** True where the session is over, rather than the call wrong. */
export function isSignedOut({ reason }: Problem): boolean {
  return reason === 'unauthenticated'
}

function member(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null ? Reflect.get(value, name) : undefined
}

function text(value: unknown): string | null {
  return typeof value === 'string' ? value : null
}
