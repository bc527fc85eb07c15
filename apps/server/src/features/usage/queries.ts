import type { UsageGrouping } from '@turnpike/core/inputs/usage'
import type { OutcomeKind } from '@turnpike/core/words'
import type { Db } from '@turnpike/db'
import type { UsageRow } from './usage-record.ts'

type Sql = Db['sql']

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
  requestId?: string | undefined
}

/** The place in the ledger after which a page goes on: newest first, so everything before it in time. */
export interface LedgerPlace {
  createdAt: Date
  requestId: string
}

export interface UsageTotalsRow {
  isTotal: boolean
  id: string | null
  label: string | null
  requests: string
  errors: string
  inputTokens: string
  cachedInputTokens: string
  outputTokens: string
  costNano: string | null
  billedNano: string
}

/** The newest `limit` requests of a window, going on after `place`. */
export function newestRequests(sql: Sql, window: UsageWindow, limit: number, place: LedgerPlace | null) {
  return sql<UsageRow[]>`
    select ${columns(sql)} from usage_logs
    where ${within(sql, window)}
      ${place ? sql`and (created_at, request_id) < (${place.createdAt}, ${place.requestId})` : sql``}
    order by created_at desc, request_id desc
    limit ${limit}`
}

/** One request; its creation time is in its id, so one partition is read. */
export function requestById(sql: Sql, { createdAt, requestId }: LedgerPlace) {
  return sql<UsageRow[]>`
    select ${columns(sql)} from usage_logs
    where created_at = ${createdAt} and request_id = ${requestId}`
}

/** Totals of a window, and beside them the totals of each group, dearest first; both from one reading of the ledger. */
export function usageTotals(sql: Sql, window: UsageWindow, groupBy: UsageGrouping | null) {
  const key = groupBy ? sql(GROUPING_COLUMNS[groupBy]) : sql`null::text`
  return sql<UsageTotalsRow[]>`
    with counted as (
      select
        ${groupBy ? sql`grouping(${key}) = 1` : sql`true`} as is_total,
        ${groupBy ? sql`${key}::text` : sql`null::text`} as id,
        count(*) as requests,
        count(*) filter (where outcome in ('failed', 'upstream_cut', 'upstream_stalled', 'exhausted', 'unknown')) as errors,
        coalesce(sum(input_tokens), 0)::text as input_tokens,
        coalesce(sum(cached_input_tokens), 0)::text as cached_input_tokens,
        coalesce(sum(output_tokens), 0)::text as output_tokens,
        sum(cost_nano)::text as cost_nano,
        coalesce(sum(billed_nano), 0)::text as billed_nano
      from usage_logs
      where ${within(sql, window)}
      group by ${groupBy ? sql`grouping sets ((), (${key}))` : sql`()`}
    )
    select
      is_total as "isTotal", counted.id, ${labelOf(sql, groupBy)} as label, requests, errors,
      input_tokens as "inputTokens", cached_input_tokens as "cachedInputTokens", output_tokens as "outputTokens",
      cost_nano as "costNano", counted.billed_nano as "billedNano"
    from counted
    ${labelSource(sql, groupBy)}
    order by is_total desc, cost_nano::numeric desc nulls last, requests desc, counted.id
    limit 1001`
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

function labelOf(sql: Sql, groupBy: UsageGrouping | null) {
  if (groupBy === 'user') return sql`coalesce(nullif(labels.name, ''), labels.email)`
  return groupBy && groupBy in LABEL_TABLES ? sql`labels.name` : sql`counted.id`
}

function labelSource(sql: Sql, groupBy: UsageGrouping | null) {
  if (groupBy === null || groupBy === 'model' || groupBy === 'endpoint') return sql``
  return sql`left join ${sql(LABEL_TABLES[groupBy])} labels on labels.id = counted.id::bigint`
}

function within(sql: Sql, window: UsageWindow) {
  const { from, to, userId, keyId, groupId, accountId, model, outcome, requestId } = window
  return sql`created_at >= ${from} and created_at < ${to}
    ${userId === undefined ? sql`` : sql`and user_id = ${userId}`}
    ${keyId === undefined ? sql`` : sql`and key_id = ${keyId}`}
    ${groupId === undefined ? sql`` : sql`and group_id = ${groupId}`}
    ${accountId === undefined ? sql`` : sql`and account_id = ${accountId}`}
    ${model === undefined ? sql`` : sql`and model = ${model}`}
    ${outcome === undefined ? sql`` : sql`and outcome = ${outcome}`}
    ${requestId === undefined ? sql`` : sql`and request_id = ${requestId}`}`
}

function columns(sql: Sql) {
  return sql`
    request_id as "requestId", client_request_id as "clientRequestId", created_at as "createdAt", endpoint, protocol,
    stream, status, outcome, error_code as "errorCode", user_id as "userId", key_id as "keyId", group_id as "groupId",
    account_id as "accountId", model, upstream_model as "upstreamModel", upstream_response_id as "upstreamResponseId",
    input_tokens as "inputTokens", cached_input_tokens as "cachedInputTokens", cache_write_tokens as "cacheWriteTokens",
    output_tokens as "outputTokens", reasoning_tokens as "reasoningTokens", cost_nano as "costNano",
    billed_nano as "billedNano", rate_multiplier_e4 as "rateMultiplierE4", price_rule as "priceRule", estimated,
    usage_invalid as "usageInvalid", attempts, decision, queue_ms as "queueMs", route_ms as "routeMs",
    upstream_connect_ms as "upstreamConnectMs", upstream_first_byte_ms as "upstreamFirstByteMs", ttft_ms as "ttftMs",
    total_ms as "totalMs", gateway_ms as "gatewayMs", client_ip as "clientIp", user_agent as "userAgent"`
}
