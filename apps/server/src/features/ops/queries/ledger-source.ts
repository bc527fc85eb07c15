import { ENDS_WITHOUT_CODE, ERROR_CLASSES } from '@turnpike/core/ops/classify'
import { RELATIVE_ACCURACY } from '@turnpike/core/ops/histogram'
import type { Span } from '@turnpike/core/ops/window'
import type { ErrorOwner } from '@turnpike/core/ops/words'
import { ROW_COLUMNS } from '@turnpike/db'
import type { Sql } from 'postgres'
import type { Fragment, StatFilters } from './statement.ts'

/** Requests are found by when they began, and counted by when they ended: none takes longer. */
const LONGEST_REQUEST = '24 hours'
const GAMMA = (1 + RELATIVE_ACCURACY) / (1 - RELATIVE_ACCURACY)
const BUCKET_MS = 10_000

/** The very rows the collector would have counted, one for each request of the ledger. */
export function ledgerSource(sql: Sql, { fromMs, toMs }: Span, filters: StatFilters): Fragment {
  const [from, to] = [new Date(fromMs), new Date(toMs)]
  const { provider, groupId, accountId, model, endpoint, userId, keyId } = filters
  return sql`
    select date_bin('10 seconds', ended, 'epoch') as bucket, ${BUCKET_MS}::bigint as length_ms,
      ${sql.unsafe(ROW_COLUMNS.map((name) => `${VALUES[name] ?? name} as ${name}`).join(', '))}
    from (
      select l.*, coalesce(l.ended_at, l.created_at) as ended, a.provider, ${sql.unsafe(CODE)} as code
      from usage_logs l left join accounts a on a.id = l.account_id
      where l.created_at >= ${from}::timestamptz - ${LONGEST_REQUEST}::interval and l.created_at < ${to}
        and coalesce(l.ended_at, l.created_at) >= ${from} and coalesce(l.ended_at, l.created_at) < ${to}
        ${provider === undefined ? sql`` : sql`and a.provider = ${provider}`}
        ${groupId === undefined ? sql`` : sql`and l.group_id = ${groupId}`}
        ${accountId === undefined ? sql`` : sql`and l.account_id = ${accountId}`}
        ${model === undefined ? sql`` : sql`and l.model = ${model}`}
        ${endpoint === undefined ? sql`` : sql`and l.endpoint = ${endpoint}`}
        ${userId === undefined ? sql`` : sql`and l.user_id = ${userId}`}
        ${keyId === undefined ? sql`` : sql`and l.key_id = ${keyId}`}) as r`
}

/** `failureCode` of the core. */
const CODE = `case when l.outcome in ('completed', 'incomplete', 'client_closed') then null
  when l.outcome in ('rejected_upstream', 'unknown', 'upstream_stalled') then l.outcome
  when l.error_code in (${codes().join(', ')}) then l.error_code else 'upstream_cut' end`

/** What a column of counts is of one row of the ledger. */
const VALUES: Readonly<Record<string, string>> = {
  dimension: `'tuple'`,
  tuple: `''`,
  is_other: 'false',
  requests: '1',
  successes: when(`outcome in ('completed', 'incomplete')`),
  errors: when(`code in (${codes('provider', 'platform').join(', ')})`),
  client_errors: when(`code in (${codes('client').join(', ')})`),
  business_limited: when(`code in (${codes('business').join(', ')})`),
  client_closed: when(`outcome = 'client_closed'`),
  http_4xx: when(`status between 400 and 499 and outcome not in ('completed', 'incomplete', 'client_closed')`),
  http_5xx: when(`status >= 500 and outcome not in ('completed', 'incomplete', 'client_closed')`),
  timeouts: when(`code in ('upstream_timeout', 'upstream_stalled')`),
  upstream_429: attemptsWhere(`(a->>'status')::int = 429`),
  upstream_529: attemptsWhere(`(a->>'status')::int = 529`),
  attempts: 'jsonb_array_length(attempts)',
  failed_attempts: `(${attemptsWhere(`a->>'reason' in (${codes().join(', ')})`)} - ${when(`outcome = 'rejected_upstream'`)})`,
  account_switches: 'greatest(jsonb_array_length(attempts) - 1, 0)',
  cost_nano: 'coalesce(cost_nano, 0)',
  ...timesOf('latency', 'total_ms'),
  ...timesOf('ttft', 'ttft_ms'),
  ...timesOf('gateway', 'gateway_ms'),
}

function codes(...owners: ErrorOwner[]): string[] {
  return Object.entries(ERROR_CLASSES)
    .filter(([code, { owner }]) =>
      owners.length === 0 ? !(ENDS_WITHOUT_CODE as readonly string[]).includes(code) : owners.includes(owner),
    )
    .map(([code]) => `'${code}'`)
}

function when(condition: string): string {
  return `(case when ${condition} then 1 else 0 end)`
}

function attemptsWhere(condition: string): string {
  return `(select count(*) from jsonb_array_elements(attempts) as a where ${condition})`
}

/** As the collector does: what reached no upstream has no times. */
function timesOf(name: string, column: string): Record<string, string> {
  const ms = `(case when account_id is not null and outcome <> 'unknown' then ${column} end)`
  return {
    [`${name}_sum_us`]: `coalesce(round(${ms} * 1000), 0)::bigint`,
    [`${name}_max_us`]: `coalesce(round(${ms} * 1000), 0)::bigint`,
    [`${name}_bins`]: `(case when ${ms} is null then '{}'::bigint[] when ${ms} <= 0 then array[((-4096)::bigint << 40) + 1]
      else array[(ceil(ln(${ms}::float8) / ln(${GAMMA}::float8))::bigint << 40) + 1] end)`,
  }
}
