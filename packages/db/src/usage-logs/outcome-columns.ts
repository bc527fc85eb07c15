import type { Outcome } from '@turnpike/core/gateway/outcome'

type Cell = string | number | boolean | null

interface OutcomeColumn {
  name: string
  type: string
  value: (outcome: Outcome) => Cell
}

const MAX_SHORT_CHARS = 255
const MAX_LONG_CHARS = 512

/** How an outcome becomes a row of `usage_logs`. Text is what a caller or an upstream sent: cut and cleaned. */
export const OUTCOME_COLUMNS: readonly OutcomeColumn[] = [
  column('created_at', 'timestamptz', (o) => new Date(o.createdAtMs).toISOString()),
  column('request_id', 'uuid', (o) => o.requestId),
  column('client_request_id', 'text', (o) => text(o.clientRequestId, MAX_SHORT_CHARS)),
  column('endpoint', 'text', (o) => o.endpoint),
  column('protocol', 'text', (o) => o.protocol),
  column('stream', 'boolean', (o) => o.stream),
  column('status', 'integer', (o) => o.status),
  column('outcome', 'text', (o) => o.outcome),
  column('error_code', 'text', (o) => text(o.errorCode, MAX_SHORT_CHARS)),
  column('user_id', 'bigint', (o) => o.userId),
  column('key_id', 'bigint', (o) => o.keyId),
  column('group_id', 'bigint', (o) => o.groupId),
  column('account_id', 'bigint', (o) => o.accountId),
  column('model', 'text', (o) => text(o.model, MAX_SHORT_CHARS)),
  column('upstream_model', 'text', (o) => text(o.upstreamModel, MAX_SHORT_CHARS)),
  column('upstream_response_id', 'text', (o) => text(o.upstreamResponseId, MAX_SHORT_CHARS)),
  column('input_tokens', 'bigint', (o) => o.usage.inputTokens),
  column('cached_input_tokens', 'bigint', (o) => o.usage.cachedInputTokens),
  column('cache_write_tokens', 'bigint', (o) => o.usage.cacheWriteTokens),
  column('output_tokens', 'bigint', (o) => o.usage.outputTokens),
  column('reasoning_tokens', 'bigint', (o) => o.usage.reasoningTokens),
  column('estimated', 'boolean', (o) => o.estimated),
  column('usage_invalid', 'boolean', (o) => o.usageInvalid),
  column('cost_nano', 'bigint', (o) => o.costNano),
  column('billed_nano', 'bigint', (o) => o.billedNano),
  column('rate_multiplier_e4', 'integer', (o) => o.multiplierE4),
  column('price_rule', 'text', (o) => text(o.priceRule, MAX_SHORT_CHARS)),
  column('attempts', 'jsonb', (o) => json(o.attempts)),
  column('decision', 'jsonb', (o) => json(o.decision)),
  column('queue_ms', 'real', (o) => o.times.queueMs),
  column('route_ms', 'real', (o) => o.times.routeMs),
  column('upstream_connect_ms', 'real', (o) => o.times.upstreamConnectMs),
  column('upstream_first_byte_ms', 'real', (o) => o.times.upstreamFirstByteMs),
  column('ttft_ms', 'real', (o) => o.times.ttftMs),
  column('total_ms', 'real', (o) => o.times.totalMs),
  column('gateway_ms', 'real', (o) => o.times.gatewayMs),
  column('client_ip', 'text', (o) => text(o.clientIp, MAX_SHORT_CHARS)),
  column('user_agent', 'text', (o) => text(o.userAgent, MAX_LONG_CHARS)),
]

/** A PostgreSQL array literal. */
export function arrayLiteral(cells: readonly Cell[]): string {
  return `{${cells.map(element).join(',')}}`
}

function column(name: string, type: string, value: OutcomeColumn['value']): OutcomeColumn {
  return { name, type, value }
}

function element(cell: Cell | undefined): string {
  if (cell === null || cell === undefined) return 'NULL'
  if (typeof cell !== 'string') return String(cell)
  // Most have nothing to escape, and two literal passes cost half of one with a pattern.
  return /["\\]/.test(cell) ? `"${cell.replaceAll('\\', '\\\\').replaceAll('"', '\\"')}"` : `"${cell}"`
}

/** PostgreSQL's text holds no NUL and only whole characters. */
function text(value: string | null, maxChars: number): string | null {
  if (value === null || value === undefined) return null
  return (value.length > maxChars ? value.slice(0, maxChars) : value).replaceAll('\0', '').toWellFormed()
}

/** Escapes of NUL and of halves of characters are JSON, but not jsonb. */
function json(value: unknown): string | null {
  const written = JSON.stringify(value)
  if (!/\\u(0000|d[89a-f])/i.test(written)) return written
  return JSON.stringify(value, (_, member: unknown) =>
    typeof member === 'string' ? text(member, Number.POSITIVE_INFINITY) : member,
  )
}
