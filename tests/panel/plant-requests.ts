import postgres from 'postgres'
import { embeddedUrl } from '../support/data-dir.ts'
import type { Turnpike } from '../support/start-turnpike.ts'

const HOUR_MS = 3_600_000
const DAY_MS = 24 * HOUR_MS

/**
 * Requests of the last hour, of today only: their models are `row-0`, the newest, `row-1` and so on. The longest of them
 * are scattered among the others.
 */
export async function plantRequests({ dataDir }: Turnpike, rows: number): Promise<void> {
  const nowMs = Date.now()
  const startMs = Math.max(nowMs - HOUR_MS, Math.floor(nowMs / DAY_MS) * DAY_MS)
  const sql = postgres(await embeddedUrl(dataDir), { max: 1, connect_timeout: 10, onnotice: () => {} })
  try {
    await sql`
      insert into usage_logs (created_at, request_id, endpoint, protocol, stream, status, outcome, user_id, key_id, group_id,
        account_id, billing, model, upstream_model, input_tokens, cached_input_tokens, cache_write_tokens, output_tokens,
        reasoning_tokens, estimated, usage_invalid, cost_nano, billed_nano, rate_multiplier_e4, price_rule, attempts, decision,
        queue_ms, route_ms, upstream_first_byte_ms, ttft_ms, total_ms, gateway_ms, client_ip, user_agent, ended_at, boot_id)
      select timestamptz 'epoch' + ms * interval '1 millisecond',
        (lpad(to_hex(ms), 12, '0') || '7' || substr(md5(i::text), 1, 3) || '8' || substr(md5(i::text), 4, 15))::uuid,
        '/v1/chat/completions', 'chat', i % 2 = 0, case when i % 50 = 7 then 502 else 200 end,
        case when i % 50 = 7 then 'exhausted' else 'completed' end, 1, 1, 1, 1, 'none', 'row-' || i, 'sandbox-small',
        100 + i % 900, 0, 0, 50 + i % 700, 0, false, false, 1000 + i, 1000 + i, 10000, 'usage', '[]'::jsonb,
        '{"rule":"load","chosen":1,"candidates":[{"accountId":1,"reason":null}],"omitted":0}'::jsonb,
        0, 0.4, 300, 310, 1000 + i * 7919 % ${rows}, 0.3, '192.0.2.1', 'test', timestamptz 'epoch' + (ms + 1000) * interval '1 millisecond',
        '00000000-0000-4000-8000-000000000001'
      from (select i, floor(${nowMs}::float8 - (i + 1) * ${(nowMs - startMs) / (rows + 1)}::float8)::bigint as ms
        from generate_series(0, ${rows - 1}::int) as i) as planted`
  } finally {
    await sql.end({ timeout: 5 })
  }
}
