import type { Endpoint, OutcomeKind, UsageGrouping } from '@turnpike/core/words'
import type { ISql } from 'postgres'

/** A client, or a transaction of it. */
export type Sql = ISql<Record<never, never>>

/** Which part of the ledger is meant: a window (`to` exclusive) and what to keep of it. */
export interface UsageWindow {
  from: Date
  to: Date
  userId?: number | undefined
  keyId?: number | undefined
  groupId?: number | undefined
  accountId?: number | undefined
  model?: string | undefined
  outcome?: OutcomeKind | undefined
  errorCode?: string | undefined
  endpoint?: Endpoint | undefined
  status?: number | undefined
  clientRequestId?: string | undefined
  requestId?: string | undefined
}

/** What rows of the ledger come to; 64-bit integers are strings. */
export interface TotalsRow {
  requests: string
  errors: string
  inputTokens: string
  cachedInputTokens: string
  outputTokens: string
  /** Null = none of them had a price. */
  costNano: string | null
  billedNano: string
}

/** The condition of a window. */
export function within(sql: Sql, window: UsageWindow) {
  const { from, to, userId, keyId, groupId, accountId, model, outcome, errorCode } = window
  const { endpoint, status, clientRequestId, requestId } = window
  return sql`created_at >= ${from} and created_at < ${to}
    ${userId === undefined ? sql`` : sql`and user_id = ${userId}`}
    ${keyId === undefined ? sql`` : sql`and key_id = ${keyId}`}
    ${groupId === undefined ? sql`` : sql`and group_id = ${groupId}`}
    ${accountId === undefined ? sql`` : sql`and account_id = ${accountId}`}
    ${model === undefined ? sql`` : sql`and model = ${model}`}
    ${outcome === undefined ? sql`` : sql`and outcome = ${outcome}`}
    ${errorCode === undefined ? sql`` : sql`and error_code = ${errorCode}`}
    ${endpoint === undefined ? sql`` : sql`and endpoint = ${endpoint}`}
    ${status === undefined ? sql`` : sql`and status = ${status}`}
    ${clientRequestId === undefined ? sql`` : sql`and client_request_id = ${clientRequestId}`}
    ${requestId === undefined ? sql`` : sql`and request_id = ${requestId}`}`
}

/** The columns of a `UsageRow`. */
export function columns(sql: Sql) {
  return sql`
    request_id as "requestId", client_request_id as "clientRequestId", created_at as "createdAt", endpoint, protocol,
    stream, status, outcome, error_code as "errorCode", user_id as "userId", key_id as "keyId", group_id as "groupId",
    account_id as "accountId", billing, subscription_id as "subscriptionId", service_tier as "serviceTier", model, upstream_model as "upstreamModel", upstream_response_id as "upstreamResponseId",
    input_tokens as "inputTokens", cached_input_tokens as "cachedInputTokens", cache_write_tokens as "cacheWriteTokens",
    output_tokens as "outputTokens", reasoning_tokens as "reasoningTokens", cost_nano as "costNano",
    billed_nano as "billedNano", rate_multiplier_e4 as "rateMultiplierE4", price_rule as "priceRule", estimated,
    usage_invalid as "usageInvalid", attempts, decision, queue_ms as "queueMs", route_ms as "routeMs",
    upstream_connect_ms as "upstreamConnectMs", upstream_first_byte_ms as "upstreamFirstByteMs", ttft_ms as "ttftMs",
    total_ms as "totalMs", gateway_ms as "gatewayMs", client_ip as "clientIp", user_agent as "userAgent"`
}

/** The counts of a relation named `counted`, as a `TotalsRow`. */
export function totalsColumns(sql: Sql) {
  return sql`
    counted.requests::text as requests, counted.errors::text as errors, counted.input_tokens::text as "inputTokens",
    counted.cached_input_tokens::text as "cachedInputTokens", counted.output_tokens::text as "outputTokens",
    counted.cost_nano::text as "costNano", counted.billed_nano::text as "billedNano"`
}

/** What a grouping groups by. */
export function groupingKey(sql: Sql, groupBy: UsageGrouping | null) {
  return groupBy ? sql(GROUPING_COLUMNS[groupBy]) : sql`null::text`
}

const GROUPING_COLUMNS = {
  user: 'user_id',
  key: 'key_id',
  group: 'group_id',
  account: 'account_id',
  model: 'model',
  endpoint: 'endpoint',
} as const satisfies Record<UsageGrouping, string>

const LABEL_TABLES = { user: 'users', key: 'api_keys', group: 'groups', account: 'accounts' } as const

/** The name of `counted.id`. */
export function labelOf(sql: Sql, groupBy: UsageGrouping | null) {
  if (groupBy === 'user') return sql`coalesce(nullif(labels.name, ''), labels.email)`
  return groupBy && groupBy in LABEL_TABLES ? sql`labels.name` : sql`counted.id`
}

/** Where `labelOf` reads. */
export function labelSource(sql: Sql, groupBy: UsageGrouping | null) {
  if (groupBy === null || groupBy === 'model' || groupBy === 'endpoint') return sql``
  return sql`left join ${sql(LABEL_TABLES[groupBy])} labels on labels.id = counted.id::bigint`
}
