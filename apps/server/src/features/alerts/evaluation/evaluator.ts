import type { EnqueueNotices } from '@turnpike/core/alerts/notice'
import type { Db } from '@turnpike/db'
import { alertProgress, alertStates, opsAlertRules } from '@turnpike/db/schema'
import { and, eq, inArray, isNull, lt, ne, or, sql } from 'drizzle-orm'
import type { Sql } from 'postgres'
import { within } from '../../../shared/deadline.ts'
import { every, type Loop } from '../../../shared/every.ts'
import type { Log } from '../../../shared/logger.ts'
import { warnOnceInARow } from '../../../shared/once-in-a-row.ts'
import { type RuleRow, type StoredRule, toStoredRule } from '../rules/stored-rule.ts'
import { judge, labelsOfState, type StateRow } from './judge.ts'
import { endMetaAlerts, recordFailure } from './meta-alert.ts'
import type { CountsSource } from './read-requests.ts'
import { readValuesAt, type SeriesValue } from './read-values.ts'
import type { AlertTransaction } from './transaction.ts'
import { writeJudgements } from './write-judgements.ts'

const MINUTE_MS = 60_000
/** Whoever counts has written a minute by then (alerts.md, "State"). */
const WATERMARK_SECONDS = 15
/** How often an instance asks whether a minute is due: most of the time none is. */
const LOOK_MS = 2_000
const STOP_MS = 2_000
/** A run ends in time; the next one goes on where it stopped. */
const RUN_MS = 40_000
/** Minutes that were missed and are older are never judged: nobody wants to hear of yesterday. */
const MAX_CATCH_UP_MINUTES = 1_440
/** Rules judged in one transaction. */
const CHUNK = 100
const EVALUATION = {
  failing: 'alert rules cannot be evaluated; their minutes are made up for',
  again: 'alert rules are evaluated again',
}

interface EvaluatorOptions {
  db: Db['db']
  /** For reading metrics: its statements end by themselves. */
  sql: Sql
  source: CountsSource
  enqueue: EnqueueNotices<AlertTransaction>
  /** Explains what began; a failure is only logged. */
  onBegun(): Promise<unknown>
  log: Log
}

interface DueRule {
  row: RuleRow
  evaluatedTo: Date | null
}

/** What a run did: rule-minutes that were judged, and that could not be. */
export interface RunReport {
  judged: number
  failed: number
}

export type Evaluator = ReturnType<typeof createEvaluator>

/**
 * Judges every enabled rule once for each minute that is over (alerts.md, "State"), however many instances try: whoever
 * holds a rule's row of `alert_progress` moves it on. Missed minutes are made up for, oldest first.
 */
export function createEvaluator({ db, sql: reports, source, enqueue, onBegun, log }: EvaluatorOptions) {
  let loop: Loop | null = null
  let isStopping = false

  /** Judges what is due; `nowMs` is the database's time unless given. */
  async function evaluate(nowMs?: number): Promise<RunReport> {
    const startedAt = performance.now()
    const watermark = await watermarkAt(nowMs)
    const given = new Set<number>()
    const report = { judged: 0, failed: 0 }
    while (!isStopping && performance.now() - startedAt < RUN_MS) {
      const due = (await dueRules(watermark)).filter(({ row }) => !given.has(row.id))
      if (due.length === 0) break
      const atMs = Math.min(...due.map((rule) => nextMinute(rule, watermark)))
      const rules = due.filter((rule) => nextMinute(rule, watermark) === atMs)
      const moved = await evaluateMinute(rules, atMs)
      report.judged += moved.judged.size
      report.failed += moved.failed
      // Who failed, or is in another's hands, is left alone until the next run.
      for (const { row } of rules) if (!moved.judged.has(row.id)) given.add(row.id)
    }
    if (report.judged > 0) {
      await onBegun().catch((error: unknown) => log.warn({ err: error }, 'alert events could not be explained'))
    }
    return report
  }

  /** The end of the newest minute that is over and written. */
  async function watermarkAt(nowMs: number | undefined): Promise<number> {
    if (nowMs !== undefined) return Math.floor((nowMs - WATERMARK_SECONDS * 1000) / MINUTE_MS) * MINUTE_MS
    const [row] = await db.execute<{ at: number }>(sql`
      select extract(epoch from date_trunc('minute', now() - make_interval(secs => ${WATERMARK_SECONDS})))::float8 * 1000 as at`)
    return Number(row?.at ?? 0)
  }

  async function dueRules(watermark: number): Promise<DueRule[]> {
    const rows = await db
      .select({ row: opsAlertRules, ruleId: alertProgress.ruleId, evaluatedTo: alertProgress.evaluatedTo })
      .from(opsAlertRules)
      .leftJoin(alertProgress, eq(alertProgress.ruleId, opsAlertRules.id))
      .where(
        and(
          eq(opsAlertRules.enabled, true),
          or(isNull(alertProgress.evaluatedTo), lt(alertProgress.evaluatedTo, new Date(watermark))),
        ),
      )
    const strangers = rows.filter(({ ruleId }) => ruleId === null).map(({ row }) => ({ ruleId: row.id }))
    if (strangers.length > 0) await db.insert(alertProgress).values(strangers).onConflictDoNothing()
    return rows
  }

  async function evaluateMinute(rules: readonly DueRule[], atMs: number) {
    const ids = rules.map(({ row }) => row.id)
    const states = Map.groupBy(await openStates(ids), ({ ruleId }) => ruleId)
    const valuesOf = readValuesAt({ sql: reports, source, toMs: atMs })
    const judged = new Set<number>()
    const failures: { due: DueRule; error: unknown }[] = []
    const ready: { due: DueRule; stored: StoredRule; series: SeriesValue[] }[] = []
    await Promise.all(
      rules.map(async (due) => {
        try {
          const stored = toStoredRule(due.row)
          const known = (states.get(due.row.id) ?? []).map(labelsOfState)
          ready.push({ due, stored, series: await valuesOf(stored.rule, known) })
        } catch (error) {
          failures.push({ due, error })
        }
      }),
    )
    for (let from = 0; from < ready.length; from += CHUNK) {
      const chunk = ready.slice(from, from + CHUNK)
      try {
        for (const id of await write(chunk, atMs)) judged.add(id)
      } catch (error) {
        log.warn({ err: error }, 'alert rules could not be judged together; each is judged alone')
        for (const one of chunk) {
          try {
            for (const id of await write([one], atMs)) judged.add(id)
          } catch (own) {
            failures.push({ due: one.due, error: own })
          }
        }
      }
    }
    for (const { due, error } of failures) {
      log.warn({ err: error, ruleId: due.row.id }, 'an alert rule could not be evaluated')
      await recordFailure(db, due.row, { error, evaluatedTo: due.evaluatedTo, atMs, enqueue })
    }
    return { judged, failed: failures.length }
  }

  /** Ids of the rules that were moved on by us. */
  function write(chunk: readonly { due: DueRule; stored: StoredRule; series: SeriesValue[] }[], atMs: number) {
    return db.transaction(async (tx) => {
      const held = await tx
        .select()
        .from(alertProgress)
        .where(
          inArray(
            alertProgress.ruleId,
            chunk.map(({ stored }) => stored.id),
          ),
        )
        .for('update', { skipLocked: true })
      const progress = new Map(held.map((row) => [row.ruleId, row]))
      // Who changes a rule holds its progress too: what is read now is the rule that was judged, or not the same version.
      const versions = await currentVersions(tx, [...progress.keys()])
      const ours = chunk.filter(
        ({ due, stored }) =>
          versions.get(stored.id) === stored.version &&
          progress.get(stored.id)?.evaluatedTo?.getTime() === due.evaluatedTo?.getTime(),
      )
      if (ours.length === 0) return []
      const ids = ours.map(({ stored }) => stored.id)
      const states = Map.groupBy(
        await tx.select().from(alertStates).where(inArray(alertStates.ruleId, ids)),
        ({ ruleId }) => ruleId,
      )
      const judgements = ours.flatMap(({ stored, series }) => judge(stored, series, states.get(stored.id) ?? [], atMs))
      await writeJudgements(tx, judgements, atMs, enqueue)
      await endMetaAlerts(
        tx,
        ours.map(({ due }) => due.row),
        progress,
        atMs,
        enqueue,
      )
      await tx
        .update(alertProgress)
        .set({ evaluatedTo: new Date(atMs), failures: 0, lastError: null, failingSince: null, metaEventId: null })
        .where(inArray(alertProgress.ruleId, ids))
      return ids
    })
  }

  async function openStates(ids: readonly number[]): Promise<StateRow[]> {
    return db
      .select()
      .from(alertStates)
      .where(and(inArray(alertStates.ruleId, [...ids]), ne(alertStates.phase, 'inactive')))
  }

  return {
    evaluate,
    start(): void {
      isStopping = false
      loop ??= every(LOOK_MS, warnOnceInARow(evaluate, EVALUATION, log), log)
    },
    /** Waits for the minute that is being judged, for a while: what is not written then is judged again. */
    async stop(): Promise<void> {
      isStopping = true
      await within(STOP_MS, loop?.stop() ?? Promise.resolve()).catch(() => {})
      loop = null
    },
  }
}

async function currentVersions(tx: AlertTransaction, ids: readonly number[]): Promise<Map<number, number>> {
  if (ids.length === 0) return new Map()
  const rows = await tx
    .select({ id: opsAlertRules.id, version: opsAlertRules.version })
    .from(opsAlertRules)
    .where(and(inArray(opsAlertRules.id, [...ids]), eq(opsAlertRules.enabled, true)))
  return new Map(rows.map(({ id, version }) => [id, version]))
}

/** The minute after the last one that was judged; a new rule begins with the newest. */
function nextMinute({ evaluatedTo }: DueRule, watermark: number): number {
  if (evaluatedTo === null) return watermark
  return Math.max(evaluatedTo.getTime() + MINUTE_MS, watermark - MAX_CATCH_UP_MINUTES * MINUTE_MS)
}
