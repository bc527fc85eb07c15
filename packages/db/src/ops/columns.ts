/** Columns that tell of what a row is, all alike in the four tables of counts. */
export const VALUE_COLUMNS = [
  'provider',
  'group_id',
  'account_id',
  'model',
  'endpoint',
  'user_id',
  'key_id',
  'code',
] as const

/** Columns that are added up, and the members of core's `Counts` they hold. */
export const COUNT_COLUMNS = {
  requests: 'requests',
  successes: 'successes',
  errors: 'errors',
  client_errors: 'clientErrors',
  business_limited: 'businessLimited',
  client_closed: 'clientClosed',
  http_4xx: 'http4xx',
  http_5xx: 'http5xx',
  timeouts: 'timeouts',
  upstream_429: 'upstream429',
  upstream_529: 'upstream529',
  attempts: 'attempts',
  failed_attempts: 'failedAttempts',
  account_switches: 'accountSwitches',
  input_tokens: 'inputTokens',
  cached_input_tokens: 'cachedInputTokens',
  output_tokens: 'outputTokens',
  cost_nano: 'costNano',
  billed_nano: 'billedNano',
} as const

export const HISTOGRAMS = ['latency', 'ttft', 'gateway'] as const

/** Every column of a row of counts but its time, in one order. */
export const ROW_COLUMNS: readonly string[] = [
  'dimension',
  'tuple',
  'is_other',
  ...VALUE_COLUMNS,
  ...Object.keys(COUNT_COLUMNS),
  ...HISTOGRAMS.flatMap((name) => [`${name}_sum_us`, `${name}_max_us`, `${name}_bins`]),
]

/** What a bin counts: its lower forty bits. */
export const COUNT_MASK = '1099511627775'

/** SQL: `sum(requests) as requests, …`. */
export function summed(prefix = ''): string {
  return Object.keys(COUNT_COLUMNS)
    .map((name) => `coalesce(sum(${prefix}${name}), 0)::bigint as ${name}`)
    .join(', ')
}

/** SQL: sums and maxima of the times, without their bins. */
export function summedTimes(prefix = ''): string {
  return HISTOGRAMS.map(
    (name) => `coalesce(sum(${prefix}${name}_sum_us), 0)::bigint as ${name}_sum_us,
      coalesce(max(${prefix}${name}_max_us), 0)::bigint as ${name}_max_us`,
  ).join(', ')
}
