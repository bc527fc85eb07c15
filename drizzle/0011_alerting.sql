CREATE TABLE "alert_channels" (
	"id" bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY (sequence name "alert_channels_id_seq" INCREMENT BY 1 MINVALUE 1 MAXVALUE 9223372036854775807 START WITH 1 CACHE 1),
	"name" text NOT NULL,
	"type" text NOT NULL,
	"config" jsonb NOT NULL,
	"secret_sealed" text,
	"is_default" boolean DEFAULT false NOT NULL,
	"min_severity" text DEFAULT 'info' NOT NULL,
	"hourly_limit" integer DEFAULT 60 NOT NULL,
	"is_dead_man" boolean DEFAULT false NOT NULL,
	"last_ping_at" timestamp (3) with time zone,
	"enabled" boolean DEFAULT true NOT NULL,
	"disabled_reason" text,
	"disabled_at" timestamp (3) with time zone,
	"created_by" bigint,
	"version" integer DEFAULT 1 NOT NULL,
	"created_at" timestamp (3) with time zone DEFAULT now() NOT NULL,
	"updated_at" timestamp (3) with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "alert_channels_type_check" CHECK ("alert_channels"."type" in ('email', 'webhook')),
	CONSTRAINT "alert_channels_min_severity_check" CHECK ("alert_channels"."min_severity" in ('info', 'warning', 'critical'))
);
--> statement-breakpoint
CREATE TABLE "alert_deliveries" (
	"id" bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY (sequence name "alert_deliveries_id_seq" INCREMENT BY 1 MINVALUE 1 MAXVALUE 9223372036854775807 START WITH 1 CACHE 1),
	"unique_key" text NOT NULL,
	"event_id" bigint,
	"rule_id" bigint,
	"channel_id" bigint,
	"channel_name" text NOT NULL,
	"kind" text NOT NULL,
	"severity" text NOT NULL,
	"message_id" uuid DEFAULT gen_random_uuid() NOT NULL,
	"payload" jsonb NOT NULL,
	"status" text DEFAULT 'pending' NOT NULL,
	"mute_reason" text,
	"silence_id" bigint,
	"attempts" integer DEFAULT 0 NOT NULL,
	"next_attempt_at" timestamp (3) with time zone DEFAULT now() NOT NULL,
	"locked_until" timestamp (3) with time zone,
	"fallback_of" bigint,
	"last_outcome" text,
	"last_status" integer,
	"last_error" text,
	"last_latency_ms" integer,
	"created_at" timestamp (3) with time zone DEFAULT now() NOT NULL,
	"sent_at" timestamp (3) with time zone,
	"ended_at" timestamp (3) with time zone,
	CONSTRAINT "alert_deliveries_kind_check" CHECK ("alert_deliveries"."kind" in ('firing', 'repeat', 'resolved', 'digest', 'test', 'meta')),
	CONSTRAINT "alert_deliveries_status_check" CHECK ("alert_deliveries"."status" in ('pending', 'sending', 'sent', 'muted', 'superseded', 'dead')),
	CONSTRAINT "alert_deliveries_mute_reason_check" CHECK ("alert_deliveries"."mute_reason" in ('silence', 'maintenance', 'acknowledged', 'severity', 'digested', 'channel_disabled'))
);
--> statement-breakpoint
CREATE TABLE "alert_delivery_attempts" (
	"id" bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY (sequence name "alert_delivery_attempts_id_seq" INCREMENT BY 1 MINVALUE 1 MAXVALUE 9223372036854775807 START WITH 1 CACHE 1),
	"delivery_id" bigint NOT NULL,
	"at" timestamp (3) with time zone NOT NULL,
	"outcome" text NOT NULL,
	"status" integer,
	"latency_ms" integer NOT NULL,
	"error" text,
	CONSTRAINT "alert_delivery_attempts_outcome_check" CHECK ("alert_delivery_attempts"."outcome" in ('ok', 'client_error', 'gone', 'rate_limited', 'server_error', 'redirect', 'timeout', 'unreachable', 'tls', 'unsafe_destination', 'not_configured', 'rejected', 'interrupted'))
);
--> statement-breakpoint
CREATE TABLE "alert_silences" (
	"id" bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY (sequence name "alert_silences_id_seq" INCREMENT BY 1 MINVALUE 1 MAXVALUE 9223372036854775807 START WITH 1 CACHE 1),
	"kind" text DEFAULT 'silence' NOT NULL,
	"rule_id" bigint,
	"severities" text[] DEFAULT '{}' NOT NULL,
	"labels" jsonb DEFAULT '{}'::jsonb NOT NULL,
	"starts_at" timestamp (3) with time zone NOT NULL,
	"ends_at" timestamp (3) with time zone NOT NULL,
	"reason" text NOT NULL,
	"created_by" bigint,
	"created_at" timestamp (3) with time zone DEFAULT now() NOT NULL,
	"ended_at" timestamp (3) with time zone,
	"ended_by" bigint,
	CONSTRAINT "alert_silences_kind_check" CHECK ("alert_silences"."kind" in ('silence', 'maintenance'))
);
--> statement-breakpoint
CREATE TABLE "alert_progress" (
	"rule_id" bigint PRIMARY KEY NOT NULL,
	"evaluated_to" timestamp (3) with time zone,
	"failures" integer DEFAULT 0 NOT NULL,
	"last_error" text,
	"failing_since" timestamp (3) with time zone,
	"meta_event_id" bigint
);
--> statement-breakpoint
CREATE TABLE "alert_states" (
	"rule_id" bigint NOT NULL,
	"labels" jsonb DEFAULT '{}'::jsonb NOT NULL,
	"phase" text DEFAULT 'inactive' NOT NULL,
	"since" timestamp (3) with time zone NOT NULL,
	"held_minutes" integer DEFAULT 0 NOT NULL,
	"episode" integer DEFAULT 0 NOT NULL,
	"sequence" integer DEFAULT 0 NOT NULL,
	"event_id" bigint,
	"last_message_at" timestamp (3) with time zone,
	"last_firing_message_at" timestamp (3) with time zone,
	"is_quiet" boolean DEFAULT false NOT NULL,
	"last_value" double precision,
	"peak" double precision,
	"evaluated_to" timestamp (3) with time zone NOT NULL,
	CONSTRAINT "alert_states_rule_id_labels_pk" PRIMARY KEY("rule_id","labels"),
	CONSTRAINT "alert_states_phase_check" CHECK ("alert_states"."phase" in ('inactive', 'pending', 'firing', 'recovering'))
);
--> statement-breakpoint
ALTER TABLE "ops_alert_events" ADD COLUMN "resolved_by" bigint;--> statement-breakpoint
ALTER TABLE "ops_alert_events" ADD COLUMN "resolved_note" text;--> statement-breakpoint
ALTER TABLE "ops_alert_rules" ADD COLUMN "slo" jsonb;--> statement-breakpoint
ALTER TABLE "alert_deliveries" ADD CONSTRAINT "alert_deliveries_event_id_ops_alert_events_id_fk" FOREIGN KEY ("event_id") REFERENCES "public"."ops_alert_events"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "alert_deliveries" ADD CONSTRAINT "alert_deliveries_channel_id_alert_channels_id_fk" FOREIGN KEY ("channel_id") REFERENCES "public"."alert_channels"("id") ON DELETE set null ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "alert_delivery_attempts" ADD CONSTRAINT "alert_delivery_attempts_delivery_id_alert_deliveries_id_fk" FOREIGN KEY ("delivery_id") REFERENCES "public"."alert_deliveries"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "alert_silences" ADD CONSTRAINT "alert_silences_rule_id_ops_alert_rules_id_fk" FOREIGN KEY ("rule_id") REFERENCES "public"."ops_alert_rules"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "alert_progress" ADD CONSTRAINT "alert_progress_rule_id_ops_alert_rules_id_fk" FOREIGN KEY ("rule_id") REFERENCES "public"."ops_alert_rules"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "alert_progress" ADD CONSTRAINT "alert_progress_meta_event_id_ops_alert_events_id_fk" FOREIGN KEY ("meta_event_id") REFERENCES "public"."ops_alert_events"("id") ON DELETE set null ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "alert_states" ADD CONSTRAINT "alert_states_rule_id_ops_alert_rules_id_fk" FOREIGN KEY ("rule_id") REFERENCES "public"."ops_alert_rules"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "alert_states" ADD CONSTRAINT "alert_states_event_id_ops_alert_events_id_fk" FOREIGN KEY ("event_id") REFERENCES "public"."ops_alert_events"("id") ON DELETE set null ON UPDATE no action;--> statement-breakpoint
CREATE UNIQUE INDEX "alert_deliveries_unique_key" ON "alert_deliveries" USING btree ("unique_key");--> statement-breakpoint
CREATE INDEX "alert_deliveries_due_index" ON "alert_deliveries" USING btree ("next_attempt_at") WHERE "alert_deliveries"."status" in ('pending', 'sending');--> statement-breakpoint
CREATE INDEX "alert_deliveries_event_index" ON "alert_deliveries" USING btree ("event_id","id");--> statement-breakpoint
CREATE INDEX "alert_deliveries_channel_index" ON "alert_deliveries" USING btree ("channel_id","created_at");--> statement-breakpoint
CREATE INDEX "alert_deliveries_created_at_index" ON "alert_deliveries" USING btree ("created_at");--> statement-breakpoint
CREATE INDEX "alert_delivery_attempts_delivery_index" ON "alert_delivery_attempts" USING btree ("delivery_id","id");--> statement-breakpoint
CREATE INDEX "alert_silences_ends_at_index" ON "alert_silences" USING btree ("ends_at");--> statement-breakpoint
CREATE INDEX "ops_alert_events_rule_id_index" ON "ops_alert_events" USING btree ("rule_id","id");--> statement-breakpoint
ALTER TABLE "ops_alert_events" ADD CONSTRAINT "ops_alert_events_resolved_reason_check" CHECK ("ops_alert_events"."resolved_reason" in ('recovered', 'no_data', 'rule_changed', 'rule_disabled', 'rule_deleted', 'manual'));--> statement-breakpoint
ALTER TABLE "ops_alert_rules" ADD CONSTRAINT "ops_alert_rules_aggregation_check" CHECK ("ops_alert_rules"."aggregation" in ('avg', 'max', 'min', 'sum', 'count', 'rate', 'ratio', 'p50', 'p95', 'p99'));--> statement-breakpoint
ALTER TABLE "ops_alert_rules" ADD CONSTRAINT "ops_alert_rules_no_data_check" CHECK ("ops_alert_rules"."no_data" in ('ok', 'keep', 'alert', 'resolve'));