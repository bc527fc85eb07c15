import type { DeliveryOutcome } from '@turnpike/core/ops/words'
import { type ConnectFailureKind, connectFailureOf } from '../egress/connect-failure.ts'
import { EgressError } from '../egress/egress-error.ts'

export interface MailFailure {
  outcome: Exclude<DeliveryOutcome, 'ok'>
  /** Trying again would end the same way. */
  isPermanent: boolean
  /** The server's reply code; null = there was none. */
  status: number | null
}

const OUTCOMES = {
  dns: 'unreachable',
  refused: 'unreachable',
  unreachable: 'unreachable',
  proxy: 'unreachable',
  timeout: 'timeout',
  tls: 'tls',
  unsafe_destination: 'unsafe_destination',
} as const satisfies Record<ConnectFailureKind, DeliveryOutcome>

/** What became of a connection that could not be made, in the words of deliveries. */
export function outcomeOfConnectFailure(kind: ConnectFailureKind): MailFailure['outcome'] {
  return OUTCOMES[kind]
}

/**
 * Which failure it is that ended the handing over of a mail. Only what a server said of this message for good is permanent:
 * a wrong password or a refused host is mended by an administrator, and then the message still matters.
 */
export function mailFailureOf(error: unknown, deadline: AbortSignal): MailFailure {
  const lasting = (outcome: MailFailure['outcome']) => ({ outcome, isPermanent: false, status: null })
  if (error instanceof EgressError) return lasting('unsafe_destination')
  const connecting = connectFailureOf(error)
  if (connecting !== null) return lasting(OUTCOMES[connecting])
  if (deadline.aborted) return lasting('timeout')
  const { code, responseCode, isPermanent } = readError(error)
  if (code === 'EAUTH' || code === 'ENOAUTH') return { outcome: 'rejected', isPermanent: false, status: responseCode }
  if (TLS_CODES.includes(code)) return lasting('tls')
  if (responseCode === null) return lasting(code === 'ETIMEDOUT' ? 'timeout' : 'unreachable')
  const isOfThisMessage = isPermanent && MESSAGE_CODES.includes(code)
  return { outcome: isOfThisMessage ? 'rejected' : 'server_error', isPermanent: isOfThisMessage, status: responseCode }
}

const MESSAGE_CODES: readonly unknown[] = ['EENVELOPE', 'EMESSAGE']
const TLS_CODES: readonly unknown[] = [
  'ETLS',
  'EREQUIRETLS',
  // What Node says of certificates, below the library's own word for a broken socket.
  'ERR_TLS_CERT_ALTNAME_INVALID',
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'CERT_HAS_EXPIRED',
  'CERT_NOT_YET_VALID',
]

/** Where every recipient was refused, it is for good only if it is so for each. */
function readError(error: unknown): { code: unknown; responseCode: number | null; isPermanent: boolean } {
  const { code, originalCode, responseCode, permanent, rejectedErrors } = Object(error)
  const each: unknown[] = Array.isArray(rejectedErrors) ? rejectedErrors : []
  return {
    code: TLS_CODES.includes(originalCode) ? originalCode : code,
    responseCode: typeof responseCode === 'number' ? responseCode : null,
    isPermanent: each.length > 0 ? each.every((one) => Object(one).permanent === true) : permanent === true,
  }
}
