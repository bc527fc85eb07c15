import type { Notice } from '@turnpike/core/alerts/notice'
import type { RuleInput } from '@turnpike/core/alerts/rule'
import { ruleSchema } from '@turnpike/core/alerts/rule'
import type { Outcome } from '@turnpike/core/gateway/outcome'
import { endedOutcome } from '@turnpike/core/ops/ended-request'
import { createTally } from '@turnpike/core/ops/tally'
import { writeBuckets } from '@turnpike/db'
import { freshDatabase } from '@turnpike/db/testing'
import { makeOutcome } from '@turnpike/db/testing/outcome'
import { enqueueNotices } from '../features/alerts/delivery/enqueue-notices.ts'
import type { AlertTransaction } from '../features/alerts/evaluation/transaction.ts'
import { createJudging } from '../features/alerts/judging.ts'
import { createCountsSource } from '../features/ops/queries/source.ts'
import { SYSTEM } from '../shared/audit.ts'
import { createLogger } from '../shared/logger.ts'

const MINUTE_MS = 60_000
/** Minute 0 of a test: far enough in the past for everything to be over. */
const START_MS = Math.floor((Date.now() - 6 * 3_600_000) / MINUTE_MS) * MINUTE_MS
const LIFE = { instanceId: 'i-1', bootId: '00000000-0000-7000-8000-000000000001' }
const QUIET_SAMPLE = {
  cpuUsagePercent: 10,
  memoryUsagePercent: 20,
  diskUsed: 30,
  diskTotal: 100,
  eventLoopDelayP99Ms: 1,
  waiters: 0,
  accountsAvailable: 2,
  accountsTotal: 2,
  accountsByGroup: {},
  journalBacklogBytes: 0,
  errorsDropped: 0,
  dbConnWaiting: 0,
  redisConn: null,
  jobsOverdue: 0,
}

/** Alerting over a database of its own, with minutes that tests write; the rules that come with Turnpike are gone. */
export async function alertWorld({ evaluators = 1 }: { evaluators?: number } = {}) {
  const fresh = await freshDatabase({ max: 4 + evaluators * 2 })
  await fresh.sql`delete from ops_alert_rules`
  await fresh.sql`insert into alert_channels (name, type, config, is_default)
    values ('mail', 'email', '{"recipients":["a@example.com"]}', true)`
  const logged: string[] = []
  const { log } = createLogger({ level: 'debug', destination: { write: (line) => void logged.push(line) } })
  const clock = { now: () => Date.now() }
  const notices: Notice[] = []
  let refusal: Error | null = null
  async function enqueue(tx: AlertTransaction, given: readonly Notice[]): Promise<void> {
    await enqueueNotices(tx, given)
    if (refusal !== null) throw refusal
    notices.push(...given)
  }
  const source = createCountsSource(fresh.sql)
  const all = Array.from({ length: evaluators }, () =>
    createJudging({ database: fresh, reports: fresh, source, enqueue, clock, log }),
  )
  const [judging] = all
  if (judging === undefined) throw new Error('a world without evaluators')

  function atMs(minute: number): number {
    return START_MS + minute * MINUTE_MS
  }

  return {
    ...judging,
    eventsOf: judging.events,
    evaluators: all.map(({ evaluator }) => evaluator),
    fresh,
    sql: fresh.sql,
    logged,
    notices,
    atMs,
    /** From now on no message can be written; null = again. */
    refuseMessages(error: Error | null) {
      refusal = error
    },
    rule: (input: RuleInput) => judging.rules.create(ruleSchema.parse(input), 1, SYSTEM),
    /** Writes what ended and was measured in the minute that ends at `minute`. */
    async minute(minute: number, outcomes: readonly Partial<Outcome>[] = [], sample: object = {}): Promise<void> {
      const tally = createTally({ providerOf: () => 'openai' })
      const endedAtMs = atMs(minute) - 30_000
      for (const changes of outcomes) {
        tally.count(endedOutcome(makeOutcome({ createdAtMs: endedAtMs - 813, endedAtMs, ...changes })))
      }
      const bucket = { atMs: endedAtMs, rows: tally.rows(), sample: { ...QUIET_SAMPLE, ...sample } }
      await writeBuckets(fresh.sql, LIFE, [bucket], null)
    },
    /** Judges the minutes up to the one that ends at `minute`. */
    evaluate: (minute: number) => judging.evaluator.evaluate(atMs(minute) + 15_000),
    /** Events as `status labels fired–resolved reason`, oldest first; times in minutes of the test. */
    async events(): Promise<string[]> {
      const rows = await fresh.sql<
        {
          status: string
          labels: Record<string, string>
          fired_at: Date
          resolved_at: Date | null
          resolved_reason: string | null
        }[]
      >`select status, labels, fired_at, resolved_at, resolved_reason from ops_alert_events order by fired_at, id`
      return rows.map(({ status, labels, fired_at, resolved_at, resolved_reason }) => {
        const minuteOf = (at: Date | null) => (at === null ? '' : Math.round((at.getTime() - START_MS) / MINUTE_MS))
        const names = Object.entries(labels).map(([name, value]) => `${name}=${value}`)
        return [status, ...names, `${minuteOf(fired_at)}–${minuteOf(resolved_at)}`, resolved_reason ?? '']
          .join(' ')
          .trim()
      })
    },
    /** The outbox as `kind sequence`, in the order of writing. */
    async outbox(): Promise<string[]> {
      const rows = await fresh.sql<{ kind: string; payload: { notice: Notice } }[]>`
        select kind, payload from alert_deliveries order by id`
      return rows.map(({ kind, payload }) => `${kind} ${payload.notice.sequence}`)
    },
    [Symbol.asyncDispose]: () => fresh[Symbol.asyncDispose](),
  }
}
