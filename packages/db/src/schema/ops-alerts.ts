import {
  ALERT_AGGREGATIONS,
  ALERT_EVENT_STATUSES,
  ALERT_OPERATORS,
  ALERT_SEVERITIES,
  NO_DATA_POLICIES,
} from '@turnpike/core/ops/words'
import { sql } from 'drizzle-orm'
import { boolean, doublePrecision, index, integer, jsonb, pgTable, text, uniqueIndex } from 'drizzle-orm/pg-core'
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
    createdBy: ref(),
    lastTriggeredAt: instant(),
    version: integer().notNull().default(1),
    createdAt: createdAt(),
    updatedAt: instant().notNull().defaultNow(),
  },
  (table) => [
    oneOf('ops_alert_rules_severity_check', table.severity, ALERT_SEVERITIES),
    oneOf('ops_alert_rules_operator_check', table.operator, ALERT_OPERATORS),
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
    resolvedReason: text(),
    acknowledgedAt: instant(),
    acknowledgedBy: ref(),
    /** What made it fire: values, what moved, links. */
    explanation: jsonb().notNull().default({}),
  },
  (table) => [
    uniqueIndex('ops_alert_events_episode_unique').on(table.ruleId, table.labels, table.episode),
    index('ops_alert_events_fired_at_index').on(table.firedAt, table.id),
    index('ops_alert_events_firing_index').on(table.firedAt).where(sql`${table.status} = 'firing'`),
    oneOf('ops_alert_events_status_check', table.status, ALERT_EVENT_STATUSES),
  ],
)
