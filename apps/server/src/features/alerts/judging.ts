import type { EnqueueNotices } from '@turnpike/core/alerts/notice'
import type { Db } from '@turnpike/db'
import type { Log } from '../../shared/logger.ts'
import type { WallClock } from '../../shared/wall-clock.ts'
import { createEvaluator } from './evaluation/evaluator.ts'
import { createExplainEvents } from './evaluation/explain-events.ts'
import type { CountsSource } from './evaluation/read-requests.ts'
import type { AlertTransaction } from './evaluation/transaction.ts'
import { createAlertEvents } from './events/events.ts'
import { createEventsFeed } from './events/events-feed.ts'
import { createPreview } from './rules/preview.ts'
import { createAlertRules } from './rules/rules.ts'

interface JudgingOptions {
  database: Db
  /** For reading metrics: its statements end in time. */
  reports: Db
  source: CountsSource
  enqueue: EnqueueNotices<AlertTransaction>
  clock: WallClock
  log: Log
}

export type Judging = ReturnType<typeof createJudging>

/** The judging half of alerting: rules, their evaluation, and events. */
export function createJudging({ database: { db }, reports, source, enqueue, clock, log }: JudgingOptions) {
  const events = createAlertEvents({ db, clock, enqueue })
  const explain = createExplainEvents({ db, sql: reports.sql, source, log })
  return {
    rules: createAlertRules({ db, clock, enqueue }),
    events,
    eventsFeed: createEventsFeed({ events, log }),
    preview: createPreview({ sql: reports.sql, source, clock }),
    evaluator: createEvaluator({ db, sql: reports.sql, source, enqueue, onBegun: explain, log }),
  }
}
