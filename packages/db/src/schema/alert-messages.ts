import {
  ALERT_SEVERITIES,
  CHANNEL_TYPES,
  DELIVERY_KINDS,
  DELIVERY_OUTCOMES,
  DELIVERY_STATUSES,
  MUTE_REASONS,
  SILENCE_KINDS,
} from '@turnpike/core/ops/words'
import { sql } from 'drizzle-orm'
import { boolean, index, integer, jsonb, pgTable, text, uniqueIndex, uuid } from 'drizzle-orm/pg-core'
import { createdAt, id, instant, oneOf, ref } from './columns.ts'
import { opsAlertEvents, opsAlertRules } from './ops-alerts.ts'

/** Where people are told. */
export const alertChannels = pgTable(
  'alert_channels',
  {
    id: id(),
    name: text().notNull(),
    type: text({ enum: CHANNEL_TYPES }).notNull(),
    /** `{recipients[]}` or `{url, template}`, by type; never a secret. */
    config: jsonb().notNull(),
    /** The signing secret of a webhook, sealed. */
    secretSealed: text(),
    /** Used by rules that name no channel. */
    isDefault: boolean().notNull().default(false),
    /** Less severe ones are not sent here. */
    minSeverity: text({ enum: ALERT_SEVERITIES }).notNull().default('info'),
    /** Messages an hour; what is beyond goes into one digest. */
    hourlyLimit: integer().notNull().default(60),
    /** Pinged every minute while evaluation works: whoever hears nothing raises the alarm. */
    isDeadMan: boolean().notNull().default(false),
    lastPingAt: instant(),
    enabled: boolean().notNull().default(true),
    /** Why it was switched off by itself, e.g. `gone`: the receiver answered 410. */
    disabledReason: text(),
    disabledAt: instant(),
    createdBy: ref(),
    version: integer().notNull().default(1),
    createdAt: createdAt(),
    updatedAt: instant().notNull().defaultNow(),
  },
  (table) => [
    oneOf('alert_channels_type_check', table.type, CHANNEL_TYPES),
    oneOf('alert_channels_min_severity_check', table.minSeverity, ALERT_SEVERITIES),
  ],
)

/** A time-bounded mute of messages, never of events. What it does not name it does not ask for. */
export const alertSilences = pgTable(
  'alert_silences',
  {
    id: id(),
    kind: text({ enum: SILENCE_KINDS }).notNull().default('silence'),
    ruleId: ref().references(() => opsAlertRules.id, { onDelete: 'cascade' }),
    /** Empty = every severity. */
    severities: text({ enum: ALERT_SEVERITIES }).array().notNull().default([]),
    /** Each must be there with this very value. */
    labels: jsonb().notNull().default({}),
    startsAt: instant().notNull(),
    endsAt: instant().notNull(),
    reason: text().notNull(),
    createdBy: ref(),
    createdAt: createdAt(),
    /** Ended before its time. */
    endedAt: instant(),
    endedBy: ref(),
  },
  (table) => [
    index('alert_silences_ends_at_index').on(table.endsAt),
    oneOf('alert_silences_kind_check', table.kind, SILENCE_KINDS),
  ],
)

/**
 * The outbox and its log: a message to one channel. The row is the job, so it commits with what it tells of; who sends holds
 * it until `lockedUntil`.
 */
export const alertDeliveries = pgTable(
  'alert_deliveries',
  {
    id: id(),
    /** `deliveryKey` of core: rule, label set, episode, kind, sequence, channel. A second one is no second message. */
    uniqueKey: text().notNull(),
    /** Null: a test, a digest, a meta-alert. */
    eventId: ref().references(() => opsAlertEvents.id, { onDelete: 'cascade' }),
    /** Kept beyond the rule's and the channel's own life. */
    ruleId: ref(),
    channelId: ref().references(() => alertChannels.id, { onDelete: 'set null' }),
    channelName: text().notNull(),
    kind: text({ enum: DELIVERY_KINDS }).notNull(),
    severity: text({ enum: ALERT_SEVERITIES }).notNull(),
    /** `Message-ID` and `webhook-id`: the same at every try. */
    messageId: uuid().notNull().defaultRandom(),
    /** `Notice` of core, or what a test or digest says. */
    payload: jsonb().notNull(),
    status: text({ enum: DELIVERY_STATUSES }).notNull().default('pending'),
    muteReason: text({ enum: MUTE_REASONS }),
    /** Silence that muted it. */
    silenceId: ref(),
    /** Tries so far. */
    attempts: integer().notNull().default(0),
    nextAttemptAt: instant().notNull().defaultNow(),
    /** Somebody is at it until then; afterwards it is taken for dead and tried again. */
    lockedUntil: instant(),
    /** The delivery to a fallback channel that was made because this one failed. */
    fallbackOf: ref(),
    lastOutcome: text({ enum: DELIVERY_OUTCOMES }),
    lastStatus: integer(),
    lastError: text(),
    lastLatencyMs: integer(),
    createdAt: createdAt(),
    sentAt: instant(),
    /** Sent, muted, superseded or dead. */
    endedAt: instant(),
  },
  (table) => [
    uniqueIndex('alert_deliveries_unique_key').on(table.uniqueKey),
    index('alert_deliveries_due_index').on(table.nextAttemptAt).where(sql`${table.status} in ('pending', 'sending')`),
    index('alert_deliveries_event_index').on(table.eventId, table.id),
    index('alert_deliveries_channel_index').on(table.channelId, table.createdAt),
    index('alert_deliveries_created_at_index').on(table.createdAt),
    oneOf('alert_deliveries_kind_check', table.kind, DELIVERY_KINDS),
    oneOf('alert_deliveries_status_check', table.status, DELIVERY_STATUSES),
    oneOf('alert_deliveries_mute_reason_check', table.muteReason, MUTE_REASONS),
  ],
)

/** Every try of a delivery. */
export const alertDeliveryAttempts = pgTable(
  'alert_delivery_attempts',
  {
    id: id(),
    deliveryId: ref()
      .notNull()
      .references(() => alertDeliveries.id, { onDelete: 'cascade' }),
    at: instant().notNull(),
    outcome: text({ enum: DELIVERY_OUTCOMES }).notNull(),
    /** Of HTTP or SMTP; null = none came. */
    status: integer(),
    latencyMs: integer().notNull(),
    /** Our own words, never the receiver's. */
    error: text(),
  },
  (table) => [
    index('alert_delivery_attempts_delivery_index').on(table.deliveryId, table.id),
    oneOf('alert_delivery_attempts_outcome_check', table.outcome, DELIVERY_OUTCOMES),
  ],
)
