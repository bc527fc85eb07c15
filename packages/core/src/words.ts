/** The closed lists of the domain. Tables, API shapes and the panel all derive from these. */

export const ROLES = ['owner', 'admin', 'operator', 'viewer', 'user'] as const
export type Role = (typeof ROLES)[number]

export const USER_STATUSES = ['active', 'disabled', 'archived'] as const
export type UserStatus = (typeof USER_STATUSES)[number]

export const KEY_STATUSES = ['active', 'disabled', 'revoked'] as const
export type KeyStatus = (typeof KEY_STATUSES)[number]

export const GROUP_STATUSES = ['active', 'disabled', 'archived'] as const
export type GroupStatus = (typeof GROUP_STATUSES)[number]

export const BILLING_MODES = ['none', 'balance', 'subscription'] as const
export type BillingMode = (typeof BILLING_MODES)[number]

export const ON_BUSY = ['wait', 'fail'] as const
export type OnBusy = (typeof ON_BUSY)[number]

export const ON_DISCONNECT = ['cancel', 'drain'] as const
export type OnDisconnect = (typeof ON_DISCONNECT)[number]

export const STICKINESS = ['off', 'session', 'content'] as const
export type Stickiness = (typeof STICKINESS)[number]

export const INSTRUCTION_MODES = ['off', 'fill', 'override'] as const
export type InstructionMode = (typeof INSTRUCTION_MODES)[number]

export const PROVIDERS = ['openai', 'openai-compatible', 'azure-openai', 'sandbox'] as const
export type Provider = (typeof PROVIDERS)[number]

/** What an account speaks. Where it is one of the two, the gateway translates. */
export const PROTOCOLS = ['responses+chat', 'chat', 'responses'] as const
export type Protocol = (typeof PROTOCOLS)[number]

export const ACCOUNT_AUTHS = ['api_key', 'oauth2'] as const
export type AccountAuth = (typeof ACCOUNT_AUTHS)[number]

/** How an `oauth2` account gets its access tokens. */
export const OAUTH_GRANTS = ['client_credentials', 'refresh_token'] as const
export type OAuthGrant = (typeof OAUTH_GRANTS)[number]

/** `archived` is the deletion of an account; the other three are its life. */
export const ACCOUNT_STATUSES = ['active', 'disabled', 'error', 'archived'] as const
export type AccountStatus = (typeof ACCOUNT_STATUSES)[number]

export const ENDPOINTS = [
  '/v1/chat/completions',
  '/v1/responses',
  '/v1/embeddings',
  '/v1/completions',
  '/v1/moderations',
  '/v1/images/generations',
  '/v1/audio/speech',
  '/v1/audio/transcriptions',
] as const
export type Endpoint = (typeof ENDPOINTS)[number]

/** What usage is told apart by. */
export const USAGE_GROUPINGS = ['user', 'key', 'group', 'account', 'model', 'endpoint'] as const
export type UsageGrouping = (typeof USAGE_GROUPINGS)[number]

/** What roll-ups of the ledger tell of: all of it, and each value of a grouping. */
export const USAGE_DIMENSIONS = ['all', ...USAGE_GROUPINGS] as const
export type UsageDimension = (typeof USAGE_DIMENSIONS)[number]

/** An active one past its end shows as expired; only `revoked` is stored by hand. */
export const SUBSCRIPTION_STATUSES = ['active', 'expired', 'revoked'] as const
export type SubscriptionStatus = (typeof SUBSCRIPTION_STATUSES)[number]

/** What credit can be leased from. */
export const PURSE_KINDS = ['balance', 'subscription', 'key'] as const
export type PurseKind = (typeof PURSE_KINDS)[number]

/** How a balance changes other than by bills. */
export const CREDIT_KINDS = ['adjustment', 'redeem', 'carried_forward'] as const
export type CreditKind = (typeof CREDIT_KINDS)[number]

export const REDEEM_KINDS = ['balance', 'subscription'] as const
export type RedeemKind = (typeof REDEEM_KINDS)[number]

export const AUDIT_ACTORS = ['user', 'token', 'system'] as const
export type AuditActorKind = (typeof AUDIT_ACTORS)[number]

/** The wire protocol a request or an attempt spoke. */
export const WIRE_PROTOCOLS = ['chat', 'responses'] as const
export type WireProtocol = (typeof WIRE_PROTOCOLS)[number]

export const OUTCOMES = [
  'completed',
  'incomplete',
  'failed',
  'upstream_cut',
  'upstream_stalled',
  'client_closed',
  'rejected_upstream',
  'exhausted',
  'unknown',
] as const
export type OutcomeKind = (typeof OUTCOMES)[number]

/** How a connection to a mail server is protected: inside TLS, by STARTTLS, or not at all. */
export const SMTP_SECURITIES = ['tls', 'starttls', 'none'] as const
export type SmtpSecurity = (typeof SMTP_SECURITIES)[number]
