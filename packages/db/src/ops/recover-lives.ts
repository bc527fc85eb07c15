import type { AttemptRecord } from '@turnpike/core/gateway/outcome'
import { endedOutcome } from '@turnpike/core/ops/ended-request'
import { createTally, type Tally } from '@turnpike/core/ops/tally'
import { STEP_MS } from '@turnpike/core/ops/window'
import type { Endpoint, OutcomeKind } from '@turnpike/core/words'
import type { Sql } from 'postgres'
import { isGone } from './lives.ts'
import { writeBuckets } from './write-buckets.ts'

/** Ten-second buckets are kept no longer than that by default, so there is nothing to add to. */
const LOOK_BACK_DAYS = 2
/** The longest a request may have taken. */
const LONGEST_REQUEST_DAYS = 1
const PAGE_ROWS = 5_000

interface DeadLife {
  bootId: string
  instanceId: string
  flushedTo: Date
}

/**
 * Counts what dead instances could not write any more, from what the ledger knows of them (ops.md, "After a kill -9"): each
 * request that reached an upstream exactly once. Run again it writes the same rows. Resolves with how many lives.
 */
export async function recoverLives(sql: Sql): Promise<number> {
  const dead = await sql<DeadLife[]>`
    select boot_id as "bootId", instance_id as "instanceId", flushed_to as "flushedTo" from ops_instances as life
    where recovered_at is null and seen_at > now() - make_interval(days => ${LOOK_BACK_DAYS})
      and (stopped_at is not null or ${isGone(sql)})
    order by boot_id`
  if (dead.length === 0) return 0
  const accounts = await sql<{ id: string; provider: string }[]>`select id, provider from accounts`
  const providers = new Map(accounts.map(({ id, provider }) => [Number(id), provider]))
  for (const life of dead) await recover(sql, life, (accountId) => providers.get(accountId) ?? null)
  return dead.length
}

async function recover(sql: Sql, life: DeadLife, providerOf: (accountId: number) => string | null): Promise<void> {
  const [row] = await sql<{ at: Date }[]>`select now() as at`
  const tallies = new Map<number, Tally>()
  const floorMs = life.flushedTo.getTime()
  for await (const page of unwritten(sql, life)) {
    for (const ended of page) {
      // Whoever was killed during it never knew its end: it counts from where the counting stopped.
      const endedAtMs = Math.max(ended.endedAt.getTime(), floorMs)
      const atMs = Math.floor(endedAtMs / STEP_MS.bucket) * STEP_MS.bucket
      const tally = tallies.get(atMs) ?? createTally({ providerOf })
      tallies.set(atMs, tally)
      tally.count(endedOutcome(asOutcome(ended, endedAtMs)))
    }
  }
  const buckets = [...tallies].map(([atMs, tally]) => ({ atMs, rows: tally.rows(), sample: null }))
  if (buckets.length > 0) await writeBuckets(sql, life, buckets, null)
  // What the ledger has learnt since is counted by the next run.
  await sql`update ops_instances set recovered_at = ${row?.at ?? new Date()}
    where boot_id = ${life.bootId} and recovered_at is null`
}

interface LedgerRow {
  requestId: string
  createdAt: Date
  endedAt: Date
  endpoint: Endpoint
  model: string
  userId: string
  keyId: string
  groupId: string
  accountId: string | null
  status: number
  outcome: OutcomeKind
  errorCode: string | null
  inputTokens: string
  cachedInputTokens: string
  outputTokens: string
  costNano: string | null
  billedNano: string
  attempts: AttemptRecord[]
  totalMs: number
  ttftMs: number | null
  gatewayMs: number | null
}

async function* unwritten(sql: Sql, { bootId, flushedTo }: DeadLife): AsyncGenerator<LedgerRow[]> {
  let after = { createdAt: new Date(0), requestId: '00000000-0000-0000-0000-000000000000' }
  for (;;) {
    const page = await sql<LedgerRow[]>`
      select request_id as "requestId", created_at as "createdAt", ended_at as "endedAt", endpoint, model,
        user_id as "userId", key_id as "keyId", group_id as "groupId", account_id as "accountId", status, outcome,
        error_code as "errorCode", input_tokens as "inputTokens", cached_input_tokens as "cachedInputTokens",
        output_tokens as "outputTokens", cost_nano as "costNano", billed_nano as "billedNano", attempts,
        total_ms as "totalMs", ttft_ms as "ttftMs", gateway_ms as "gatewayMs"
      from usage_logs
      where boot_id = ${bootId} and (ended_at >= ${flushedTo} or outcome = 'unknown')
        and created_at >= ${flushedTo}::timestamptz - make_interval(days => ${LONGEST_REQUEST_DAYS})
        and (created_at, request_id) > (${after.createdAt}, ${after.requestId}::uuid)
      order by created_at, request_id limit ${PAGE_ROWS}`
    yield page
    const last = page.at(-1)
    if (last === undefined || page.length < PAGE_ROWS) return
    after = last
  }
}

function asOutcome(row: LedgerRow, endedAtMs: number): Parameters<typeof endedOutcome>[0] {
  return {
    ...row,
    endedAtMs,
    userId: Number(row.userId),
    keyId: Number(row.keyId),
    groupId: Number(row.groupId),
    accountId: row.accountId === null ? null : Number(row.accountId),
    usage: {
      inputTokens: Number(row.inputTokens),
      cachedInputTokens: Number(row.cachedInputTokens),
      outputTokens: Number(row.outputTokens),
    },
    costNano: row.costNano === null ? null : Number(row.costNano),
    billedNano: Number(row.billedNano),
    times: row,
  }
}
