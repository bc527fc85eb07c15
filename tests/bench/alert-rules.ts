import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ALERT_METRICS, termsOf } from '@turnpike/core/alerts/metrics'
import { ruleSchema } from '@turnpike/core/alerts/rule'
import { endedOutcome } from '@turnpike/core/ops/ended-request'
import { createTally } from '@turnpike/core/ops/tally'
import { createDb, ensurePartitions, migrate, rollUp, writeBuckets } from '@turnpike/db'
import { startEmbeddedPostgres } from '@turnpike/db/embedded'
import { makeOutcome } from '@turnpike/db/testing/outcome'
import { createJudging } from '../../apps/server/src/features/alerts/judging.ts'
import { createCountsSource } from '../../apps/server/src/features/ops/queries/source.ts'
import { SYSTEM } from '../../apps/server/src/shared/audit.ts'
import type { Log } from '../../apps/server/src/shared/logger.ts'

const MINUTE_MS = 60_000
/** History that is there: as far back as the longest window. */
const MINUTES = 61
const REQUESTS_A_MINUTE = 60
const WINDOWS = [1, 5, 10, 30, 60]
const LIFE = { instanceId: 'bench', bootId: '00000000-0000-7000-8000-000000000001' }

export interface AlertEvaluation {
  rules: number
  /** Each of the minutes that were judged, one after the other. */
  tookMs: number[]
}

/** How long a minute of so many rules takes: every metric in turn, five windows, a third of them told apart by something. */
export async function measureAlertRules(rules: number, minutes = 3): Promise<AlertEvaluation> {
  await using stack = new AsyncDisposableStack()
  const dir = await mkdtemp(join(tmpdir(), 'turnpike-bench-'))
  stack.defer(() => rm(dir, { recursive: true, force: true }))
  const server = await startEmbeddedPostgres({ dataDir: join(dir, 'postgres'), settings: {} })
  stack.defer(() => server.stop())
  await migrate(server.url)
  const database = createDb({ url: server.url })
  stack.defer(() => database.close())
  await ensurePartitions(database.sql, new Date())
  const endMs = Math.floor(Date.now() / MINUTE_MS - 5) * MINUTE_MS
  await writeHistory(database.sql, endMs)
  const judging = createJudging({
    database,
    reports: database,
    source: createCountsSource(database.sql),
    // Nothing is beyond the largest threshold: there is nothing to tell.
    enqueue: async () => {},
    clock: { now: Date.now },
    log: QUIET,
  })
  for (let n = 0; n < rules; n += 1) await judging.rules.create(ruleOf(n), 1, SYSTEM)
  const tookMs: number[] = []
  for (let minute = minutes - 1; minute >= 0; minute -= 1) {
    const startedAt = performance.now()
    await judging.evaluator.evaluate(endMs - minute * MINUTE_MS + 15_000)
    tookMs.push(performance.now() - startedAt)
  }
  return { rules, tookMs }
}

const QUIET: Log = { debug() {}, info() {}, warn() {}, error() {}, child: () => QUIET }

function ruleOf(n: number) {
  const metric = ALERT_METRICS[n % ALERT_METRICS.length] ?? 'sla'
  const { aggregations, dimensions, max } = termsOf(metric)
  const dimension = dimensions[n % Math.max(dimensions.length, 1)]
  return ruleSchema.parse({
    name: `rule ${n}`,
    metric,
    aggregation: aggregations[n % aggregations.length],
    operator: '>',
    threshold: max,
    windowMinutes: WINDOWS[n % WINDOWS.length],
    groupBy: n % 3 === 0 && dimension !== undefined ? [dimension] : [],
  })
}

async function writeHistory(sql: Parameters<typeof writeBuckets>[0], endMs: number): Promise<void> {
  for (let minute = MINUTES; minute > 0; minute -= 1) {
    const atMs = endMs - minute * MINUTE_MS
    const tally = createTally({ providerOf: () => 'openai' })
    for (let n = 0; n < REQUESTS_A_MINUTE; n += 1) {
      const who = { groupId: n % 5, accountId: n % 10, model: `m-${n % 8}`, userId: n % 20, keyId: n % 20 }
      tally.count(endedOutcome(makeOutcome({ createdAtMs: atMs, endedAtMs: atMs + 1_000, ...who })))
    }
    await writeBuckets(sql, LIFE, [{ atMs, rows: tally.rows(), sample: { cpuUsagePercent: 10, waiters: 1 } }], null)
  }
  await rollUp(sql)
}
