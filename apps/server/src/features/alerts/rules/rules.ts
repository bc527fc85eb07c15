import type { EnqueueNotices } from '@turnpike/core/alerts/notice'
import { type Rule, ruleSchema } from '@turnpike/core/alerts/rule'
import type { AlertRuleList, AlertRuleSetEnabled, AlertRuleUpdate } from '@turnpike/core/inputs/alert-rules'
import type { AlertPhase, AlertResolvedReason } from '@turnpike/core/ops/words'
import type { Db } from '@turnpike/db'
import { alertChannels, alertProgress, alertStates, opsAlertRules } from '@turnpike/db/schema'
import { and, asc, count, eq, gt, ilike, inArray } from 'drizzle-orm'
import { AppError } from '../../../shared/app-error.ts'
import { type Actor, auditOf } from '../../../shared/audit.ts'
import { changed } from '../../../shared/changed.ts'
import { afterId, containing, type Page, pageOf } from '../../../shared/keyset.ts'
import type { WallClock } from '../../../shared/wall-clock.ts'
import { closeAll } from '../evaluation/judge.ts'
import { endMetaAlerts } from '../evaluation/meta-alert.ts'
import type { AlertTransaction } from '../evaluation/transaction.ts'
import { writeJudgements } from '../evaluation/write-judgements.ts'
import { type AlertRule, type PhaseCounts, toAlertRule } from './rule-view.ts'
import { type RuleRow, saidOf, toRuleColumns, toStoredRule } from './stored-rule.ts'

const audit = auditOf('alert_rule')

/** Members that say nothing of when a rule fires: changing them ends no episode. */
const QUIET_MEMBERS: ReadonlySet<string> = new Set([
  'name',
  'description',
  'runbookUrl',
  'notifyChannels',
  'notifyConfig',
  'repeatMinutes',
  'cooldownMinutes',
])

interface RulesOptions {
  db: Db['db']
  clock: WallClock
  enqueue: EnqueueNotices<AlertTransaction>
}

export type AlertRules = ReturnType<typeof createAlertRules>

/** Alert rules in the database. What a change ends is ended, told and audited in the transaction of the change. */
export function createAlertRules({ db, clock, enqueue }: RulesOptions) {
  async function list({ enabled, severity, metric, query, limit, cursor }: AlertRuleList): Promise<Page<AlertRule>> {
    const after = afterId(cursor)
    const rows = await db
      .select()
      .from(opsAlertRules)
      .where(
        and(
          enabled === undefined ? undefined : eq(opsAlertRules.enabled, enabled),
          severity && eq(opsAlertRules.severity, severity),
          metric && eq(opsAlertRules.metricType, metric),
          query ? ilike(opsAlertRules.name, containing(query)) : undefined,
          after === null ? undefined : gt(opsAlertRules.id, after),
        ),
      )
      .orderBy(asc(opsAlertRules.id))
      .limit(limit + 1)
    return pageOf(await viewed(db, rows), limit, ({ id }) => String(id))
  }

  async function get(id: number): Promise<AlertRule> {
    const rows = await db.select().from(opsAlertRules).where(eq(opsAlertRules.id, id))
    return one(await viewed(db, rows))
  }

  async function create(rule: Rule, createdBy: number, actor: Actor): Promise<AlertRule> {
    return db.transaction(async (tx) => {
      await assertChannels(tx, rule)
      const rows = await tx
        .insert(opsAlertRules)
        .values({ ...toRuleColumns(rule), createdBy })
        .returning()
      await tx.insert(alertProgress).values({ ruleId: one(rows).id })
      const created = one(await viewed(tx, rows))
      await audit(tx, actor, 'alerts.rules.create', created.id, { ...rule })
      return created
    })
  }

  /** Throws `version_conflict` where somebody else was faster, `invalid_input` where the whole makes no sense. */
  async function update({ id, version, ...changes }: AlertRuleUpdate, actor: Actor): Promise<AlertRule> {
    return db.transaction(async (tx) => {
      const row = await held(tx, id)
      if (row.version !== version) throw new AppError('version_conflict', { field: 'version' })
      const rule = ruleSchema.parse({ ...saidOf(row), ...following(row, changes) })
      await assertChannels(tx, rule)
      return replace(tx, row, rule, actor, 'alerts.rules.update')
    })
  }

  async function setEnabled({ id, enabled }: AlertRuleSetEnabled, actor: Actor): Promise<AlertRule> {
    return db.transaction(async (tx) => {
      const row = await held(tx, id)
      return replace(tx, row, { ...toStoredRule(row).rule, enabled }, actor, 'alerts.rules.setEnabled')
    })
  }

  /** Its events stay. */
  async function remove(id: number, actor: Actor): Promise<{ id: number }> {
    return db.transaction(async (tx) => {
      const row = await held(tx, id)
      await end(tx, row, 'rule_deleted')
      await tx.delete(opsAlertRules).where(eq(opsAlertRules.id, id))
      await audit(tx, actor, 'alerts.rules.remove', id, { name: row.name })
      return { id }
    })
  }

  async function replace(tx: AlertTransaction, row: RuleRow, rule: Rule, actor: Actor, action: string) {
    const before = toStoredRule(row).rule
    const differences = changed(before, rule)
    const judging = Object.keys(differences).filter((name) => !QUIET_MEMBERS.has(name))
    if (judging.length > 0) await end(tx, row, before.enabled && !rule.enabled ? 'rule_disabled' : 'rule_changed')
    const rows = await tx
      .update(opsAlertRules)
      .set({ ...toRuleColumns(rule), version: row.version + 1, updatedAt: new Date(clock.now()) })
      .where(eq(opsAlertRules.id, row.id))
      .returning()
    const updated = one(await viewed(tx, rows))
    await audit(tx, actor, action, row.id, differences)
    return updated
  }

  /** Ends what the rule has open, as it was; it begins anew with the next minute. */
  async function end(tx: AlertTransaction, row: RuleRow, reason: AlertResolvedReason): Promise<void> {
    const states = await tx.select().from(alertStates).where(eq(alertStates.ruleId, row.id))
    const atMs = clock.now()
    await writeJudgements(tx, closeAll(toStoredRule(row), states, atMs, reason), atMs, enqueue)
    const progress = await tx.select().from(alertProgress).where(eq(alertProgress.ruleId, row.id))
    await endMetaAlerts(tx, [row], new Map(progress.map((own) => [own.ruleId, own])), atMs, enqueue)
    await tx
      .update(alertProgress)
      .set({ evaluatedTo: null, failures: 0, lastError: null, failingSince: null, metaEventId: null })
      .where(eq(alertProgress.ruleId, row.id))
  }

  return { list, get, create, update, setEnabled, remove }
}

/** The rule, held against evaluation until the end of the transaction. Throws `not_found`. */
async function held(tx: AlertTransaction, id: number): Promise<RuleRow> {
  await tx.select().from(alertProgress).where(eq(alertProgress.ruleId, id)).for('update')
  return one(await tx.select().from(opsAlertRules).where(eq(opsAlertRules.id, id)).for('update'))
}

/** A recovery threshold that nobody set apart goes with the threshold, and an aggregation with its metric. */
function following(row: RuleRow, changes: Omit<AlertRuleUpdate, 'id' | 'version'>): Record<string, unknown> {
  const given = Object.fromEntries(Object.entries(changes).filter(([, value]) => value !== undefined))
  const isTogether = row.recoveryThreshold === row.threshold
  const isMoved = changes.threshold !== undefined || changes.operator !== undefined
  return {
    ...(isTogether && isMoved ? { recoveryThreshold: undefined } : {}),
    ...(changes.metric !== undefined && changes.metric !== row.metricType ? { aggregation: undefined } : {}),
    ...given,
  }
}

async function viewed(tx: Pick<Db['db'], 'select'>, rows: RuleRow[]): Promise<AlertRule[]> {
  const ids = rows.map(({ id }) => id)
  if (ids.length === 0) return []
  const [phases, progress] = await Promise.all([
    tx
      .select({ ruleId: alertStates.ruleId, phase: alertStates.phase, count: count() })
      .from(alertStates)
      .where(inArray(alertStates.ruleId, ids))
      .groupBy(alertStates.ruleId, alertStates.phase),
    tx.select().from(alertProgress).where(inArray(alertProgress.ruleId, ids)),
  ])
  const progressOf = new Map(progress.map((row) => [row.ruleId, row]))
  return rows.map((row) => {
    const own = phases.filter(({ ruleId }) => ruleId === row.id)
    const counts: PhaseCounts = Object.fromEntries(
      own.map(({ phase, count: found }): [AlertPhase, number] => [phase, found]),
    )
    return toAlertRule(row, counts, progressOf.get(row.id) ?? null)
  })
}

async function assertChannels(tx: AlertTransaction, { notifyChannels, notifyConfig }: Rule): Promise<void> {
  const { fallbackChannelId } = notifyConfig
  const wanted = [...new Set([...notifyChannels, ...(fallbackChannelId === null ? [] : [fallbackChannelId])])]
  if (wanted.length === 0) return
  const rows = await tx.select({ id: alertChannels.id }).from(alertChannels).where(inArray(alertChannels.id, wanted))
  const known = new Set(rows.map(({ id }) => id))
  if (notifyChannels.some((id) => !known.has(id))) throw new AppError('invalid_input', { field: 'notifyChannels' })
  if (fallbackChannelId !== null && !known.has(fallbackChannelId)) {
    throw new AppError('invalid_input', { field: 'notifyConfig.fallbackChannelId' })
  }
}

function one<T>([row]: T[]): T {
  if (row === undefined) throw new AppError('not_found', { field: 'id' })
  return row
}
