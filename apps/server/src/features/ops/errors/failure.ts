import { GATEWAY_ERRORS, type GatewayErrorCode } from '@turnpike/core/gateway/errors'
import type { AttemptRecord, Diagnostics, Outcome } from '@turnpike/core/gateway/outcome'
import { ERROR_CLASSES, type ErrorClass, type FailureCode } from '@turnpike/core/ops/classify'
import { attemptFailure } from '@turnpike/core/ops/ended-request'
import type { Refusal } from '@turnpike/core/ops/refusal'

/** Something that went wrong, as it came: what is written of it is made when it is written. */
export type Failure =
  | { kind: 'request'; code: FailureCode; outcome: Outcome; diagnostics: Diagnostics }
  | { kind: 'attempt'; code: FailureCode; outcome: Outcome; diagnostics: Diagnostics; attempt: number }
  | { kind: 'refusal'; code: GatewayErrorCode; refusal: Refusal }
  | { kind: 'fault'; code: 'internal_error'; atMs: number; where: string; error: unknown }

/** Failed attempts of a request that went on in spite of them. */
export function curedAttempts(outcome: Outcome, diagnostics: Diagnostics): Failure[] {
  return outcome.attempts.flatMap((record: AttemptRecord, attempt) => {
    const code = attemptFailure(record)
    return code === null ? [] : [{ kind: 'attempt', code, outcome, diagnostics, attempt } satisfies Failure]
  })
}

/** A failed attempt that failover cured is not the caller's loss. */
export function classOf({ kind, code }: Failure): ErrorClass {
  const known = ERROR_CLASSES[code]
  return kind === 'attempt' ? { ...known, severity: 'P2' } : known
}

/** Whether masses of it are folded: what callers cause themselves. */
export function isFoldable({ code }: Failure): boolean {
  const { owner } = ERROR_CLASSES[code]
  return owner === 'client' || owner === 'business'
}

/** Whose masses they are: of a key, or where there is none of an address. */
export function sourceKeyOf(failure: Failure): string {
  switch (failure.kind) {
    case 'request':
    case 'attempt':
      return `${failure.code}|k${failure.outcome.keyId}`
    case 'refusal': {
      const { keyId, clientIp } = failure.refusal
      return keyId === null ? `${failure.code}|a${clientIp}` : `${failure.code}|k${keyId}`
    }
    case 'fault':
      return failure.code
  }
}

const WITHOUT_CODE = {
  upstream_cut: { type: 'upstream_error', message: 'The upstream ended its answer before it was whole', status: 502 },
  unknown: { type: 'upstream_error', message: 'The end of the request was never learnt', status: 500 },
  rejected_upstream: { type: 'invalid_request_error', message: 'The upstream refused the request itself', status: 400 },
} as const

/** What the table says of a code. */
export function wordsOf(code: FailureCode): { type: string; message: string; status: number } {
  return code === 'upstream_cut' || code === 'unknown' || code === 'rejected_upstream'
    ? WITHOUT_CODE[code]
    : GATEWAY_ERRORS[code]
}
