/** Callers and upstreams name things at any length; so much of it is kept. */
const MAX_SHORT_CHARS = 255
const MAX_LONG_CHARS = 512

interface OutcomeColumn {
  name: string
  /** SQL over `o`, one outcome as it stands in the journal. */
  value: string
}

/** Members of an outcome that the database reads by type. */
const MEMBERS = `"createdAtMs" double precision, "endedAtMs" double precision, "requestId" uuid, "clientRequestId" text, endpoint text, protocol text,
  stream boolean, status integer, outcome text, "errorCode" text, "userId" bigint, "keyId" bigint, "groupId" bigint,
  "accountId" bigint, billing text, "subscriptionId" bigint, leases jsonb, "serviceTier" text, model text, "upstreamModel" text,
  "upstreamResponseId" text, usage jsonb, estimated boolean, "usageInvalid" boolean, "costNano" bigint, "billedNano" bigint, "multiplierE4" integer, "priceRule" text, attempts jsonb,
  decision jsonb, times jsonb, "clientIp" text, "userAgent" text`

/** How an outcome becomes a row of `usage_logs`. */
export const OUTCOME_COLUMNS: readonly OutcomeColumn[] = [
  { name: 'created_at', value: 'to_timestamp(o."createdAtMs" / 1000)' },
  { name: 'request_id', value: 'o."requestId"' },
  { name: 'client_request_id', value: cut('o."clientRequestId"') },
  { name: 'endpoint', value: 'o.endpoint' },
  { name: 'protocol', value: 'o.protocol' },
  { name: 'stream', value: 'o.stream' },
  { name: 'status', value: 'o.status' },
  { name: 'outcome', value: 'o.outcome' },
  { name: 'error_code', value: cut('o."errorCode"') },
  { name: 'user_id', value: 'o."userId"' },
  { name: 'key_id', value: 'o."keyId"' },
  { name: 'group_id', value: 'o."groupId"' },
  { name: 'account_id', value: 'o."accountId"' },
  { name: 'billing', value: 'o.billing' },
  { name: 'subscription_id', value: 'o."subscriptionId"' },
  { name: 'service_tier', value: cut('o."serviceTier"') },
  { name: 'model', value: cut('o.model') },
  { name: 'upstream_model', value: cut('o."upstreamModel"') },
  { name: 'upstream_response_id', value: cut('o."upstreamResponseId"') },
  { name: 'input_tokens', value: tokens('inputTokens') },
  { name: 'cached_input_tokens', value: tokens('cachedInputTokens') },
  { name: 'cache_write_tokens', value: tokens('cacheWriteTokens') },
  { name: 'output_tokens', value: tokens('outputTokens') },
  { name: 'reasoning_tokens', value: tokens('reasoningTokens') },
  { name: 'estimated', value: 'o.estimated' },
  { name: 'usage_invalid', value: 'o."usageInvalid"' },
  { name: 'cost_nano', value: 'o."costNano"' },
  { name: 'billed_nano', value: 'o."billedNano"' },
  { name: 'rate_multiplier_e4', value: 'o."multiplierE4"' },
  { name: 'price_rule', value: cut('o."priceRule"') },
  { name: 'attempts', value: 'o.attempts' },
  { name: 'decision', value: 'o.decision' },
  { name: 'queue_ms', value: ms('queueMs') },
  { name: 'route_ms', value: ms('routeMs') },
  { name: 'upstream_connect_ms', value: ms('upstreamConnectMs') },
  { name: 'upstream_first_byte_ms', value: ms('upstreamFirstByteMs') },
  { name: 'ttft_ms', value: ms('ttftMs') },
  { name: 'total_ms', value: ms('totalMs') },
  { name: 'gateway_ms', value: ms('gatewayMs') },
  { name: 'client_ip', value: cut('o."clientIp"') },
  { name: 'user_agent', value: cut('o."userAgent"', MAX_LONG_CHARS) },
  // Records of older versions do not say when they ended.
  { name: 'ended_at', value: `to_timestamp(coalesce(o."endedAtMs", o."createdAtMs" + ${ms('totalMs')}) / 1000)` },
  { name: 'boot_id', value: '$2::uuid' },
]

/** Time zones differ by whole quarters of an hour: requests of one quarter began on the same day, wherever. */
export const QUARTER_SECONDS = 900

/**
 * `$1` is a JSON array of outcomes, `$2` the life of the instance that wrote them. Returns what the rows that were not there before are billed, those together that are
 * charged alike: `rows` of them, in the `quarter` of an hour they began in.
 */
export const INSERT_OUTCOMES = `with o as materialized (
    select * from jsonb_to_recordset($1::text::jsonb) as o (${MEMBERS})),
  inserted as (
    insert into usage_logs (${OUTCOME_COLUMNS.map(({ name }) => name).join(', ')})
    select ${OUTCOME_COLUMNS.map(({ value }) => value).join(', ')} from o
    on conflict do nothing
    returning request_id, created_at, billing, user_id, key_id, subscription_id, billed_nano)
  select billing, user_id as "userId", key_id as "keyId", subscription_id as "subscriptionId", leases,
    floor(extract(epoch from created_at) / ${QUARTER_SECONDS})::float8 as quarter, count(*)::int as rows,
    sum(billed_nano)::text as billed
  from inserted left join (
    select distinct on ("requestId") "requestId", leases from o where jsonb_array_length(leases) > 0) as reserved
    on "requestId" = request_id
  group by billing, user_id, key_id, subscription_id, leases, quarter`

function cut(value: string, maxChars = MAX_SHORT_CHARS): string {
  return `left(${value}, ${maxChars})`
}

function tokens(member: string): string {
  return `(o.usage->>'${member}')::bigint`
}

function ms(member: string): string {
  return `(o.times->>'${member}')::real`
}
