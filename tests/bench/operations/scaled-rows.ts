import type { ISql } from 'postgres'

export interface Day {
  startMs: number
  endMs: number
}

/** The ledger's rows of a day, evenly spread: filled before it has indexes, then attached. */
export async function ledgerOfDay(sql: ISql, day: Day, rows: number): Promise<void> {
  const name = await makePartition(sql, 'usage_logs', day)
  await sql.unsafe(`
    insert into ${name} (created_at, request_id, client_request_id, endpoint, protocol, stream, status, outcome, error_code, user_id, key_id,
      group_id, account_id, billing, model, upstream_model, upstream_response_id, input_tokens, cached_input_tokens,
      cache_write_tokens, output_tokens, reasoning_tokens, estimated, usage_invalid, cost_nano, billed_nano,
      rate_multiplier_e4, price_rule, attempts, decision, queue_ms, route_ms, upstream_connect_ms, upstream_first_byte_ms,
      ttft_ms, total_ms, gateway_ms, client_ip, user_agent, ended_at, boot_id)
    select at, ${requestId()}, ${clientRequestId()}, '/v1/chat/completions', 'chat', h % 2 = 0, case when h % 50 = 0 then 502 else 200 end,
      case when h % 50 = 0 then 'exhausted' else 'completed' end, case when h % 50 = 0 then 'upstream_failed' end,
      1 + h % 200, 1 + h % 500, 1 + h % 3, 1 + h % 8, 'none', 'model-' || h % 6, 'model-' || h % 6, null,
      100 + h % 900, h % 90, 0, 50 + h % 700, 0, false, false, 1000 + h % 90000, 1000 + h % 90000, 10000, 'usage',
      jsonb_build_array(jsonb_build_object('accountId', 1 + h % 8, 'startedAtMs', ms, 'durationMs', 800, 'connectMs', null,
        'firstByteMs', 300, 'status', 200, 'reason', null, 'upstreamRequestId', null)),
      '{"rule":"load","chosen":1,"candidates":[{"accountId":1,"reason":null}],"omitted":0}'::jsonb,
      0, 0.4, null, 300, 310 + h % 500, 800 + h % 2000, 0.3, '192.0.2.' || h % 250, 'OpenAI/JS 7.57.0',
      at + interval '1 second', '00000000-0000-4000-8000-000000000001'
    ${moments(day, rows)}`)
  await attachPartition(sql, 'usage_logs', day)
}

/** Every other one was turned away, the others are those of the ledger. */
export async function errorsOfDay(sql: ISql, day: Day, rows: number): Promise<void> {
  const name = await makePartition(sql, 'ops_error_logs', day)
  const firstId = Math.round(day.startMs / 86_400_000) * 10_000_000
  await sql.unsafe(`
    insert into ${name} (created_at, id, source, phase, owner, severity, type, code, status, request_id, client_request_id, instance_id, user_id,
      key_id, group_id, account_id, provider, model, path, stream, message, attempts, retryable, client_ip)
    select at, ${firstId} + i, case when h % 2 = 0 then 'request' else 'refusal' end,
      case when h % 2 = 0 then 'upstream' else 'admission' end, case when h % 2 = 0 then 'provider' else 'business' end,
      case when h % 2 = 0 then 'P1' else 'P3' end, 'server_error',
      case when h % 2 = 0 then 'upstream_failed' else 'queue_full' end, case when h % 2 = 0 then 502 else 429 end,
      ${requestId()}, ${clientRequestId()}, 'i-1', 1 + h % 200, 1 + h % 500, 1 + h % 3, case when h % 2 = 0 then 1 + h % 8 end, 'openai',
      'model-' || h % 6, '/v1/chat/completions', false, 'The upstream failed', '[]'::jsonb, true, '192.0.2.1'
    ${moments(day, rows)}`)
  await attachPartition(sql, 'ops_error_logs', day)
}

/** `i`, `at` (evenly over the day), its `ms`, and `h`, which scatters what rows differ in. */
function moments({ startMs, endMs }: Day, rows: number): string {
  return `from (
      select i, ms, timestamptz 'epoch' + ms * interval '1 millisecond' as at, hashint8(ms + i) & 1073741823 as h
      from (select i, ${startMs} + floor(i * ${(endMs - startMs) / Math.max(rows, 1)}::float8)::bigint as ms
        from generate_series(0, ${rows - 1}) as i) as spread) as moments`
}

/** A UUIDv7 of the row's millisecond. */
function requestId(): string {
  return `(lpad(to_hex(ms), 12, '0') || '7' || substr(md5(i::text), 1, 3) || '8' || substr(md5(i::text), 4, 15))::uuid`
}

/** Every fourth caller names its requests. */
function clientRequestId(): string {
  return `case when h % 4 = 0 then 'call-' || ms || '-' || i end`
}

export async function makePartition(sql: ISql, table: string, day: Day): Promise<string> {
  const name = `${table}_${nameOf(day)}`
  await sql.unsafe(`create table ${name} (like ${table} including defaults including constraints)`)
  return name
}

/** Builds its indexes, which is far quicker than to keep them while it is filled. */
export async function attachPartition(sql: ISql, table: string, day: Day): Promise<void> {
  const until = new Date(day.startMs + 86_400_000).toISOString()
  await sql.unsafe(
    `alter table ${table} attach partition ${table}_${nameOf(day)}
     for values from ('${new Date(day.startMs).toISOString()}') to ('${until}')`,
  )
}

function nameOf({ startMs }: Day): string {
  return new Date(startMs).toISOString().slice(0, 10).replaceAll('-', '_')
}
