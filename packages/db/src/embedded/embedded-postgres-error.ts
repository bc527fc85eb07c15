export type EmbeddedPostgresErrorCode =
  | 'platform_unsupported'
  | 'binaries_unusable'
  | 'data_dir_not_writable'
  | 'data_dir_in_use'
  | 'version_mismatch'
  | 'init_failed'
  | 'start_failed'
  | 'start_timeout'

/** Why the embedded server is not running, in words a person can act on. */
export class EmbeddedPostgresError extends Error {
  override readonly name = 'EmbeddedPostgresError'
  readonly code: EmbeddedPostgresErrorCode

  constructor(code: EmbeddedPostgresErrorCode, message: string, options?: ErrorOptions) {
    super(message, options)
    this.code = code
  }
}
