import type { TRPC_ERROR_CODE_KEY } from '@trpc/server/unstable-core-do-not-import'

/** Every reason the tRPC API gives for a refusal, with the tRPC code it travels under and its fixed, safe text. */
export const APP_ERRORS = {
  invalid_input: { code: 'BAD_REQUEST', message: 'Invalid input' },
  unknown_field: { code: 'BAD_REQUEST', message: 'Unknown field' },
  limit_out_of_range: { code: 'BAD_REQUEST', message: 'limit is out of range' },
  not_found: { code: 'NOT_FOUND', message: 'Not found' },
  conflict: { code: 'CONFLICT', message: 'This conflicts with what is stored' },
  version_conflict: { code: 'CONFLICT', message: 'Somebody else changed this meanwhile' },
  forbidden: { code: 'FORBIDDEN', message: 'Your role does not allow this' },
  unauthenticated: { code: 'UNAUTHORIZED', message: 'Sign in first' },
  invalid_credentials: { code: 'UNAUTHORIZED', message: 'E-mail or password is wrong' },
  totp_required: { code: 'UNAUTHORIZED', message: 'A one-time code is required' },
  too_many_attempts: { code: 'TOO_MANY_REQUESTS', message: 'Too many attempts, please try again later' },
  unsafe_destination: { code: 'BAD_REQUEST', message: 'This address may not be reached' },
  timeout: { code: 'TIMEOUT', message: 'This took too long' },
  internal: { code: 'INTERNAL_SERVER_ERROR', message: 'Internal server error' },
} as const satisfies Record<string, { code: TRPC_ERROR_CODE_KEY; message: string }>

export type AppErrorReason = keyof typeof APP_ERRORS

interface AppErrorOptions {
  /** The input field at fault, as a dotted path. */
  field?: string
  /** Replaces the fixed text. Only what we wrote: never anything a caller sent or a database said. */
  message?: string
  /** Replaces the reason's tRPC code where tRPC itself refused. */
  code?: TRPC_ERROR_CODE_KEY
  cause?: unknown
}

/** The one error of the tRPC side: a closed reason, a safe message, and the field at fault where there is one. */
export class AppError extends Error {
  readonly reason: AppErrorReason
  readonly field: string | null
  /** The tRPC code this travels under. */
  readonly code: TRPC_ERROR_CODE_KEY

  constructor(reason: AppErrorReason, options: AppErrorOptions = {}) {
    super(options.message ?? APP_ERRORS[reason].message, { cause: options.cause })
    this.name = 'AppError'
    this.reason = reason
    this.field = options.field ?? null
    this.code = options.code ?? APP_ERRORS[reason].code
  }
}
