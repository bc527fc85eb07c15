/** The closed lists of operations; see ops.md. */

/**
 * What is counted: requests of one provider, group, account, model and endpoint; the same, that ended by one error code;
 * requests of one user; of one key; all requests, so that what is asked of them all is one row a step.
 */
export const COUNTED_DIMENSIONS = ['tuple', 'error', 'user', 'key', 'all'] as const
export type CountedDimension = (typeof COUNTED_DIMENSIONS)[number]

/** What rows of tuples are added up by, so that what is asked of one of these is not put together from all of its tuples. */
export const SINGLE_DIMENSIONS = ['provider', 'group', 'account', 'model', 'endpoint'] as const
export type SingleDimension = (typeof SINGLE_DIMENSIONS)[number]

/** What a row of counts tells of. */
export const DIMENSIONS = [...COUNTED_DIMENSIONS, ...SINGLE_DIMENSIONS] as const
export type Dimension = (typeof DIMENSIONS)[number]

/** Roll-ups of the 10-second buckets, finest first. */
export const ROLL_UPS = ['minute', 'hour', 'day'] as const
export type RollUp = (typeof ROLL_UPS)[number]

/** Roll-ups that also have rows of single dimensions; of minutes they would be as many as those of tuples. */
export const SINGLE_STEPS = ['hour', 'day'] as const
export type SingleStep = (typeof SINGLE_STEPS)[number]

/** What may be due: a roll-up, or the rows of single dimensions of one that was made before there were such rows. */
export const DUE_STEPS = [...ROLL_UPS, 'hour-singles', 'day-singles'] as const
export type DueStep = (typeof DUE_STEPS)[number]

/** Named ranges: they end with the last ten seconds that are over. */
export const RANGES = ['5m', '30m', '1h', '6h', '24h', '7d', '30d'] as const
export type Range = (typeof RANGES)[number]

export const ERROR_PHASES = [
  'auth',
  'admission',
  'billing',
  'scheduling',
  'network',
  'upstream',
  'response',
  'internal',
] as const
export type ErrorPhase = (typeof ERROR_PHASES)[number]

export const ERROR_OWNERS = ['client', 'business', 'provider', 'platform'] as const
export type ErrorOwner = (typeof ERROR_OWNERS)[number]

/** P0: nobody is served; P1: this request was not; P2: it was, after a failed attempt; P3: the caller's own. */
export const ERROR_SEVERITIES = ['P0', 'P1', 'P2', 'P3'] as const
export type ErrorSeverity = (typeof ERROR_SEVERITIES)[number]

/**
 * Where an error comes from: a request that ended by it and is in the ledger, one that was turned away before it reached an
 * upstream and is in no ledger, an attempt of one that went on, or the server beside requests.
 */
export const ERROR_SOURCES = ['request', 'refusal', 'attempt', 'server'] as const
export type ErrorSource = (typeof ERROR_SOURCES)[number]

export const ALERT_SEVERITIES = ['info', 'warning', 'critical'] as const
export type AlertSeverity = (typeof ALERT_SEVERITIES)[number]

export const ALERT_EVENT_STATUSES = ['firing', 'resolved', 'manual_resolved'] as const
export type AlertEventStatus = (typeof ALERT_EVENT_STATUSES)[number]

export const ALERT_OPERATORS = ['>', '>=', '<', '<=', '=='] as const
export type AlertOperator = (typeof ALERT_OPERATORS)[number]

export const ALERT_AGGREGATIONS = ['avg', 'max', 'min', 'sum', 'count', 'rate', 'ratio', 'p50', 'p95', 'p99'] as const
export type AlertAggregation = (typeof ALERT_AGGREGATIONS)[number]

export const NO_DATA_POLICIES = ['ok', 'keep', 'alert', 'resolve'] as const
export type NoDataPolicy = (typeof NO_DATA_POLICIES)[number]

/** Where a rule and label set stand between two evaluations (alerts.md, "State"); a resolved one is inactive again. */
export const ALERT_PHASES = ['inactive', 'pending', 'firing', 'recovering'] as const
export type AlertPhase = (typeof ALERT_PHASES)[number]

/** Why an episode ended: it recovered, had no data under `resolve`, its rule went, or somebody ended it. */
export const ALERT_RESOLVED_REASONS = [
  'recovered',
  'no_data',
  'rule_changed',
  'rule_disabled',
  'rule_deleted',
  'manual',
] as const
export type AlertResolvedReason = (typeof ALERT_RESOLVED_REASONS)[number]

export const CHANNEL_TYPES = ['email', 'webhook'] as const
export type ChannelType = (typeof CHANNEL_TYPES)[number]

export const SILENCE_KINDS = ['silence', 'maintenance'] as const
export type SilenceKind = (typeof SILENCE_KINDS)[number]

/** What a message tells. `meta`: a rule cannot be evaluated; `digest`: how many a channel's hourly limit held back. */
export const DELIVERY_KINDS = ['firing', 'repeat', 'resolved', 'digest', 'test', 'meta'] as const
export type DeliveryKind = (typeof DELIVERY_KINDS)[number]

/** `superseded`: resolved before its first message had left; `dead`: given up, and visible. */
export const DELIVERY_STATUSES = ['pending', 'sending', 'sent', 'muted', 'superseded', 'dead'] as const
export type DeliveryStatus = (typeof DELIVERY_STATUSES)[number]

/** Why a message was not sent. `digested`: it counts in a digest. */
export const MUTE_REASONS = [
  'silence',
  'maintenance',
  'acknowledged',
  'severity',
  'digested',
  'channel_disabled',
] as const
export type MuteReason = (typeof MUTE_REASONS)[number]

/** How a try ended, as far as anybody is told. */
export const DELIVERY_OUTCOMES = [
  'ok',
  'client_error',
  'gone',
  'rate_limited',
  'server_error',
  'redirect',
  'timeout',
  'unreachable',
  'tls',
  'unsafe_destination',
  'not_configured',
  'rejected',
  'interrupted',
] as const
export type DeliveryOutcome = (typeof DELIVERY_OUTCOMES)[number]
