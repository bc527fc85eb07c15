import { EgressError } from './egress-error.ts'

/**
 * What went wrong before a request could be written. `unreachable`: no route, or the connection broke while it was made.
 * `proxy`: it could not be reached, or did not lead on.
 */
export type ConnectFailureKind = 'dns' | 'refused' | 'unreachable' | 'tls' | 'timeout' | 'proxy' | 'unsafe_destination'

/** The error every request of a connection that could not be made ends with. */
export class ConnectFailure extends Error {
  /** Never one of undici's own codes: on `UND_ERR_SOCKET` it would try the connection again by itself. */
  readonly code: ConnectFailureKind

  constructor(code: ConnectFailureKind, options: { cause?: unknown } = {}) {
    super(`Connection failed: ${code}`, options)
    this.name = 'ConnectFailure'
    this.code = code
  }
}

/** Which connect failure an error of a dispatch is; null = the connection was made, so the request may have been sent. */
export function connectFailureOf(error: unknown): ConnectFailureKind | null {
  return error instanceof ConnectFailure ? error.code : null
}

/** Gives whatever stopped the named phase of connecting its kind. */
export function asConnectFailure(error: unknown, phase: 'tcp' | 'tls'): ConnectFailure {
  if (error instanceof ConnectFailure) return error
  if (error instanceof EgressError) return new ConnectFailure(kindOfRefusal(error), { cause: error })
  return new ConnectFailure(phase === 'tls' ? 'tls' : kindOfTcpError(error), { cause: error })
}

function kindOfRefusal({ reason }: EgressError): ConnectFailureKind {
  const isDns = reason === 'name_not_found' || reason === 'resolver_timeout' || reason === 'resolver_failed'
  return isDns ? 'dns' : 'unsafe_destination'
}

function kindOfTcpError(error: unknown): ConnectFailureKind {
  const last = error instanceof AggregateError ? error.errors.at(-1) : error
  const code = last instanceof Error && 'code' in last ? last.code : null
  if (code === 'ECONNREFUSED') return 'refused'
  return code === 'ETIMEDOUT' ? 'timeout' : 'unreachable'
}
