import {
  ALERT_AGGREGATIONS,
  ALERT_EVENT_STATUSES,
  ALERT_OPERATORS,
  ALERT_PHASES,
  ALERT_RESOLVED_REASONS,
  ALERT_SEVERITIES,
  NO_DATA_POLICIES,
} from '@turnpike/core/ops/words'
import { sql } from 'drizzle-orm'
import {
  bigint,
  boolean,
  doublePrecision,
  index,
  integer,
  jsonb,
  pgTable,
  primaryKey,
  text,
  uniqueIndex,
} from 'drizzle-orm/pg-core'
import { createdAt, id, instant, oneOf, ref } from './columns.ts'

/** What is watched, and from when on somebody is told (alerts.md). */
export const opsAlertRules = pgTable(
  'ops_alert_rules',
  {
    id: id(),
    name: text().notNull(),
    description: text().notNull().default(''),
    enabled: boolean().notNull().default(true),
    severity: text({ enum: ALERT_SEVERITIES }).notNull().default('warning'),
    metricType: text().notNull(),
    aggregation: text({ enum: ALERT_AGGREGATIONS }).notNull(),
    dimensionFilters: jsonb().notNull().default([]),
    groupBy: text().array().notNull().default([]),
    operator: text({ enum: ALERT_OPERATORS }).notNull(),
    threshold: doublePrecision().notNull(),
    recoveryThreshold: doublePrecision().notNull(),
    windowMinutes: integer().notNull().default(5),
    /** How long it must hold before it fires. */
    sustainedMinutes: integer().notNull().default(2),
    keepFiringMinutes: integer().notNull().default(2),
    minSamples: integer().notNull().default(20),
    noData: text({ enum: NO_DATA_POLICIES }).notNull().default('ok'),
    repeatMinutes: integer().notNull().default(240),
    cooldownMinutes: integer().notNull().default(0),
    notifyChannels: jsonb().notNull().default([]),
    notifyConfig: jsonb().notNull().default({}),
    labels: jsonb().notNull().default({}),
    runbookUrl: text(),
    /** A burn-rate rule: `{target, periodDays}`; null = an ordinary one. */
    slo: jsonb(),
    createdBy: ref(),
    lastTriggeredAt: instant(),
    version: integer().notNull().default(1),
    createdAt: createdAt(),
    updatedAt: instant().notNull().defaultNow(),
  },
  (table) => [
    oneOf('ops_alert_rules_severity_check', table.severity, ALERT_SEVERITIES),
    oneOf('ops_alert_rules_operator_check', table.operator, ALERT_OPERATORS),
    oneOf('ops_alert_rules_aggregation_check', table.aggregation, ALERT_AGGREGATIONS),
    oneOf('ops_alert_rules_no_data_check', table.noData, NO_DATA_POLICIES),
  ],
)

/** One episode of one rule and label set, from firing to its end. Kept when its rule is gone. */
export const opsAlertEvents = pgTable(
  'ops_alert_events',
  {
    id: id(),
    ruleId: ref().references(() => opsAlertRules.id, { onDelete: 'set null' }),
    ruleName: text().notNull(),
    severity: text({ enum: ALERT_SEVERITIES }).notNull(),
    status: text({ enum: ALERT_EVENT_STATUSES }).notNull().default('firing'),
    labels: jsonb().notNull().default({}),
    /** Counts the episodes of a rule and label set. */
    episode: integer().notNull(),
    metricType: text().notNull(),
    metricValue: doublePrecision(),
    thresholdValue: doublePrecision().notNull(),
    firedAt: instant().notNull(),
    resolvedAt: instant(),
    resolvedReason: text({ enum: ALERT_RESOLVED_REASONS }),
    /** Of `manual`: who, and what was noted. */
    resolvedBy: ref(),
    resolvedNote: text(),
    acknowledgedAt: instant(),
    acknowledgedBy: ref(),
    /** What made it fire: values, what moved, links. */
    explanation: jsonb().notNull().default({}),
    /** Of its newest change; a trigger numbers changes in the order of writing. */
    revision: bigint({ mode: 'number' }).notNull().default(0),
  },
  (table) => [
    uniqueIndex('ops_alert_events_episode_unique').on(table.ruleId, table.labels, table.episode),
    index('ops_alert_events_revision_index').on(table.revision),
    index('ops_alert_events_rule_id_index').on(table.ruleId, table.id),
    index('ops_alert_events_fired_at_index').on(table.firedAt, table.id),
    index('ops_alert_events_firing_index').on(table.firedAt).where(sql`${table.status} = 'firing'`),
    oneOf('ops_alert_events_status_check', table.status, ALERT_EVENT_STATUSES),
    oneOf('ops_alert_events_resolved_reason_check', table.resolvedReason, ALERT_RESOLVED_REASONS),
  ],
)

/** Where a rule and label set stand. Written in the transaction that writes the event and its messages. */
export const alertStates = pgTable(
  'alert_states',
  {
    ruleId: ref()
      .notNull()
      .references(() => opsAlertRules.id, { onDelete: 'cascade' }),
    labels: jsonb().notNull().default({}),
    phase: text({ enum: ALERT_PHASES }).notNull().default('inactive'),
    /** When it came into its phase. */
    since: instant().notNull(),
    /** Judged minutes since then: what nobody could judge does not count as held. */
    heldMinutes: integer().notNull().default(0),
    /** Episodes that have begun so far. */
    episode: integer().notNull().default(0),
    /** Messages of the episode so far; the next one's number. */
    sequence: integer().notNull().default(0),
    /** The open episode's event. */
    eventId: ref().references(() => opsAlertEvents.id, { onDelete: 'set null' }),
    /** The newest message of the episode that told of firing, for repeats. */
    lastMessageAt: instant(),
    /** The newest message that told of the beginning of an episode, for the cool-down. */
    lastFiringMessageAt: instant(),
    /** Whether the open episode began within the cool-down, and so told nobody. */
    isQuiet: boolean().notNull().default(false),
    lastValue: doublePrecision(),
    /** Of the open episode: the value furthest beyond the threshold. */
    peak: doublePrecision(),
    /** The end of the newest minute that was judged. */
    evaluatedTo: instant().notNull(),
  },
  (table) => [
    primaryKey({ columns: [table.ruleId, table.labels] }),
    oneOf('alert_states_phase_check', table.phase, ALERT_PHASES),
  ],
)

/** How far each rule has been evaluated. Whoever evaluates a rule holds its row. */
export const alertProgress = pgTable('alert_progress', {
  ruleId: ref()
    .primaryKey()
    .references(() => opsAlertRules.id, { onDelete: 'cascade' }),
  /** The end of the newest minute that was judged; null = none yet. */
  evaluatedTo: instant(),
  /** Failed evaluations in a row. */
  failures: integer().notNull().default(0),
  lastError: text(),
  failingSince: instant(),
  /** The meta-alert that says so, while it is open. */
  metaEventId: ref().references(() => opsAlertEvents.id, { onDelete: 'set null' }),
})
