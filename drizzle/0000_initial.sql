CREATE TABLE "account_events" (
	"id" bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY (sequence name "account_events_id_seq" INCREMENT BY 1 MINVALUE 1 MAXVALUE 9223372036854775807 START WITH 1 CACHE 1),
	"account_id" bigint NOT NULL,
	"kind" text NOT NULL,
	"from_state" text,
	"to_state" text,
	"reason" text,
	"model" text,
	"until" timestamp (3) with time zone,
	"request_id" uuid,
	"at" timestamp (3) with time zone NOT NULL
);
--> statement-breakpoint
CREATE TABLE "account_groups" (
	"account_id" bigint NOT NULL,
	"group_id" bigint NOT NULL,
	"priority" integer,
	CONSTRAINT "account_groups_account_id_group_id_pk" PRIMARY KEY("account_id","group_id")
);
--> statement-breakpoint
CREATE TABLE "accounts" (
	"id" bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY (sequence name "accounts_id_seq" INCREMENT BY 1 MINVALUE 1 MAXVALUE 9223372036854775807 START WITH 1 CACHE 1),
	"name" text NOT NULL,
	"provider" text NOT NULL,
	"base_url" text NOT NULL,
	"protocol" text NOT NULL,
	"auth" text DEFAULT 'api_key' NOT NULL,
	"secret_sealed" text NOT NULL,
	"secret_last4" text NOT NULL,
	"extra_headers_sealed" text,
	"forward_organization" boolean DEFAULT false NOT NULL,
	"priority" integer DEFAULT 50 NOT NULL,
	"weight" integer DEFAULT 1 NOT NULL,
	"concurrency" integer DEFAULT 3 NOT NULL,
	"model_mapping" jsonb DEFAULT '{}'::jsonb NOT NULL,
	"models" text[],
	"affinity_domain" text,
	"schedulable" boolean DEFAULT true NOT NULL,
	"expires_at" timestamp (3) with time zone,
	"status" text DEFAULT 'active' NOT NULL,
	"status_reason" text,
	"cooling_until" timestamp (3) with time zone,
	"cooling_reason" text,
	"model_cooling" jsonb DEFAULT '[]'::jsonb NOT NULL,
	"health" jsonb DEFAULT '{}'::jsonb NOT NULL,
	"last_used_at" timestamp (3) with time zone,
	"created_at" timestamp (3) with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "accounts_provider_check" CHECK ("accounts"."provider" in ('openai', 'openai-compatible', 'azure-openai', 'sandbox')),
	CONSTRAINT "accounts_protocol_check" CHECK ("accounts"."protocol" in ('responses+chat', 'chat', 'responses')),
	CONSTRAINT "accounts_auth_check" CHECK ("accounts"."auth" in ('api_key', 'oauth2')),
	CONSTRAINT "accounts_status_check" CHECK ("accounts"."status" in ('active', 'disabled', 'error', 'archived'))
);
--> statement-breakpoint
CREATE TABLE "groups" (
	"id" bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY (sequence name "groups_id_seq" INCREMENT BY 1 MINVALUE 1 MAXVALUE 9223372036854775807 START WITH 1 CACHE 1),
	"name" text NOT NULL,
	"status" text DEFAULT 'active' NOT NULL,
	"billing" text DEFAULT 'none' NOT NULL,
	"rate_multiplier_e4" integer DEFAULT 10000 NOT NULL,
	"exclusive" boolean DEFAULT false NOT NULL,
	"models" text[] DEFAULT '{}' NOT NULL,
	"requests_per_minute" integer,
	"tokens_per_minute" bigint,
	"instructions_mode" text DEFAULT 'off' NOT NULL,
	"instructions_text" text DEFAULT '' NOT NULL,
	"on_busy" text DEFAULT 'wait' NOT NULL,
	"on_disconnect" text DEFAULT 'cancel' NOT NULL,
	"stickiness" text DEFAULT 'session' NOT NULL,
	"limit_day_nano" bigint,
	"limit_week_nano" bigint,
	"limit_month_nano" bigint,
	"validity_days" integer,
	"connect_timeout_ms" integer DEFAULT 5000 NOT NULL,
	"first_byte_timeout_ms" integer DEFAULT 300000 NOT NULL,
	"idle_timeout_ms" integer DEFAULT 180000 NOT NULL,
	"total_timeout_ms" integer DEFAULT 1800000 NOT NULL,
	"max_account_switches" integer DEFAULT 3 NOT NULL,
	"assumed_output_tokens" integer DEFAULT 4096 NOT NULL,
	"created_at" timestamp (3) with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "groups_status_check" CHECK ("groups"."status" in ('active', 'disabled', 'archived')),
	CONSTRAINT "groups_billing_check" CHECK ("groups"."billing" in ('none', 'balance', 'subscription')),
	CONSTRAINT "groups_instructions_mode_check" CHECK ("groups"."instructions_mode" in ('off', 'fill', 'override')),
	CONSTRAINT "groups_on_busy_check" CHECK ("groups"."on_busy" in ('wait', 'fail')),
	CONSTRAINT "groups_on_disconnect_check" CHECK ("groups"."on_disconnect" in ('cancel', 'drain')),
	CONSTRAINT "groups_stickiness_check" CHECK ("groups"."stickiness" in ('off', 'session', 'content')),
	CONSTRAINT "groups_rate_multiplier_check" CHECK ("groups"."rate_multiplier_e4" >= 0)
);
--> statement-breakpoint
CREATE TABLE "user_groups" (
	"user_id" bigint NOT NULL,
	"group_id" bigint NOT NULL,
	CONSTRAINT "user_groups_user_id_group_id_pk" PRIMARY KEY("user_id","group_id")
);
--> statement-breakpoint
CREATE TABLE "api_keys" (
	"id" bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY (sequence name "api_keys_id_seq" INCREMENT BY 1 MINVALUE 1 MAXVALUE 9223372036854775807 START WITH 1 CACHE 1),
	"public_id" text NOT NULL,
	"secret_hash" text NOT NULL,
	"pepper_version" integer DEFAULT 1 NOT NULL,
	"last4" text NOT NULL,
	"user_id" bigint NOT NULL,
	"group_id" bigint NOT NULL,
	"name" text NOT NULL,
	"status" text DEFAULT 'active' NOT NULL,
	"expires_at" timestamp (3) with time zone,
	"concurrency" integer DEFAULT 0 NOT NULL,
	"requests_per_minute" integer,
	"tokens_per_minute" bigint,
	"limit_total_nano" bigint,
	"limit_day_nano" bigint,
	"limit_month_nano" bigint,
	"models" text[] DEFAULT '{}' NOT NULL,
	"cidrs" text[] DEFAULT '{}' NOT NULL,
	"replaced_by_id" bigint,
	"last_used_at" timestamp (3) with time zone,
	"created_at" timestamp (3) with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "api_keys_public_id_unique" UNIQUE("public_id"),
	CONSTRAINT "api_keys_status_check" CHECK ("api_keys"."status" in ('active', 'disabled', 'revoked'))
);
--> statement-breakpoint
CREATE TABLE "prices" (
	"id" bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY (sequence name "prices_id_seq" INCREMENT BY 1 MINVALUE 1 MAXVALUE 9223372036854775807 START WITH 1 CACHE 1),
	"provider" text,
	"model" text NOT NULL,
	"input_nano" bigint NOT NULL,
	"cached_input_nano" bigint,
	"cache_write_nano" bigint,
	"output_nano" bigint NOT NULL,
	"valid_from" timestamp (3) with time zone NOT NULL,
	"created_at" timestamp (3) with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "prices_provider_check" CHECK ("prices"."provider" in ('openai', 'openai-compatible', 'azure-openai', 'sandbox'))
);
--> statement-breakpoint
CREATE TABLE "settings" (
	"key" text PRIMARY KEY NOT NULL,
	"value" jsonb NOT NULL,
	"updated_at" timestamp (3) with time zone DEFAULT now() NOT NULL
);
--> statement-breakpoint
CREATE TABLE "usage_logs" (
	"created_at" timestamp (3) with time zone NOT NULL,
	"request_id" uuid NOT NULL,
	"client_request_id" text,
	"endpoint" text NOT NULL,
	"protocol" text,
	"stream" boolean NOT NULL,
	"status" integer NOT NULL,
	"outcome" text NOT NULL,
	"error_code" text,
	"user_id" bigint NOT NULL,
	"key_id" bigint NOT NULL,
	"group_id" bigint NOT NULL,
	"account_id" bigint,
	"model" text NOT NULL,
	"upstream_model" text,
	"upstream_response_id" text,
	"input_tokens" bigint NOT NULL,
	"cached_input_tokens" bigint NOT NULL,
	"cache_write_tokens" bigint NOT NULL,
	"output_tokens" bigint NOT NULL,
	"reasoning_tokens" bigint NOT NULL,
	"estimated" boolean NOT NULL,
	"usage_invalid" boolean NOT NULL,
	"cost_nano" bigint,
	"billed_nano" bigint NOT NULL,
	"rate_multiplier_e4" integer NOT NULL,
	"price_rule" text NOT NULL,
	"attempts" jsonb NOT NULL,
	"decision" jsonb NOT NULL,
	"queue_ms" real NOT NULL,
	"route_ms" real NOT NULL,
	"upstream_connect_ms" real,
	"upstream_first_byte_ms" real,
	"ttft_ms" real,
	"total_ms" real NOT NULL,
	"gateway_ms" real,
	"client_ip" text NOT NULL,
	"user_agent" text,
	CONSTRAINT "usage_logs_created_at_request_id_pk" PRIMARY KEY("created_at","request_id")
) PARTITION BY RANGE ("created_at"); -- by hand: drizzle-kit knows no partitions
--> statement-breakpoint
CREATE TABLE "sessions" (
	"id" bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY (sequence name "sessions_id_seq" INCREMENT BY 1 MINVALUE 1 MAXVALUE 9223372036854775807 START WITH 1 CACHE 1),
	"token_hash" text NOT NULL,
	"user_id" bigint NOT NULL,
	"created_at" timestamp (3) with time zone DEFAULT now() NOT NULL,
	"last_seen_at" timestamp (3) with time zone DEFAULT now() NOT NULL,
	"expires_at" timestamp (3) with time zone NOT NULL,
	"ip" text,
	"user_agent" text,
	"revoked_at" timestamp (3) with time zone,
	CONSTRAINT "sessions_token_hash_unique" UNIQUE("token_hash")
);
--> statement-breakpoint
CREATE TABLE "users" (
	"id" bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY (sequence name "users_id_seq" INCREMENT BY 1 MINVALUE 1 MAXVALUE 9223372036854775807 START WITH 1 CACHE 1),
	"email" text NOT NULL,
	"name" text DEFAULT '' NOT NULL,
	"role" text DEFAULT 'user' NOT NULL,
	"status" text DEFAULT 'active' NOT NULL,
	"password_hash" text,
	"concurrency" integer DEFAULT 5 NOT NULL,
	"balance_nano" bigint DEFAULT 0 NOT NULL,
	"notes" text DEFAULT '' NOT NULL,
	"created_at" timestamp (3) with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "users_role_check" CHECK ("users"."role" in ('owner', 'admin', 'operator', 'viewer', 'user')),
	CONSTRAINT "users_status_check" CHECK ("users"."status" in ('active', 'disabled', 'archived'))
);
--> statement-breakpoint
ALTER TABLE "account_events" ADD CONSTRAINT "account_events_account_id_accounts_id_fk" FOREIGN KEY ("account_id") REFERENCES "public"."accounts"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "account_groups" ADD CONSTRAINT "account_groups_account_id_accounts_id_fk" FOREIGN KEY ("account_id") REFERENCES "public"."accounts"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "account_groups" ADD CONSTRAINT "account_groups_group_id_groups_id_fk" FOREIGN KEY ("group_id") REFERENCES "public"."groups"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "user_groups" ADD CONSTRAINT "user_groups_user_id_users_id_fk" FOREIGN KEY ("user_id") REFERENCES "public"."users"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "user_groups" ADD CONSTRAINT "user_groups_group_id_groups_id_fk" FOREIGN KEY ("group_id") REFERENCES "public"."groups"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "api_keys" ADD CONSTRAINT "api_keys_user_id_users_id_fk" FOREIGN KEY ("user_id") REFERENCES "public"."users"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "api_keys" ADD CONSTRAINT "api_keys_group_id_groups_id_fk" FOREIGN KEY ("group_id") REFERENCES "public"."groups"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "api_keys" ADD CONSTRAINT "api_keys_replaced_by_id_api_keys_id_fk" FOREIGN KEY ("replaced_by_id") REFERENCES "public"."api_keys"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "sessions" ADD CONSTRAINT "sessions_user_id_users_id_fk" FOREIGN KEY ("user_id") REFERENCES "public"."users"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
CREATE INDEX "account_events_account_id_index" ON "account_events" USING btree ("account_id","at","id");--> statement-breakpoint
CREATE INDEX "account_events_at_index" ON "account_events" USING btree ("at");--> statement-breakpoint
CREATE INDEX "account_groups_group_id_index" ON "account_groups" USING btree ("group_id");--> statement-breakpoint
CREATE INDEX "user_groups_group_id_index" ON "user_groups" USING btree ("group_id");--> statement-breakpoint
CREATE INDEX "api_keys_user_id_index" ON "api_keys" USING btree ("user_id");--> statement-breakpoint
CREATE INDEX "api_keys_group_id_index" ON "api_keys" USING btree ("group_id");--> statement-breakpoint
CREATE UNIQUE INDEX "prices_unique" ON "prices" USING btree (coalesce("provider", ''),"model","valid_from");--> statement-breakpoint
CREATE INDEX "usage_logs_user_id_index" ON "usage_logs" USING btree ("user_id","created_at","request_id");--> statement-breakpoint
CREATE INDEX "usage_logs_key_id_index" ON "usage_logs" USING btree ("key_id","created_at","request_id");--> statement-breakpoint
CREATE INDEX "usage_logs_group_id_index" ON "usage_logs" USING btree ("group_id","created_at","request_id");--> statement-breakpoint
CREATE INDEX "usage_logs_account_id_index" ON "usage_logs" USING btree ("account_id","created_at","request_id");--> statement-breakpoint
CREATE INDEX "usage_logs_model_index" ON "usage_logs" USING btree ("model","created_at","request_id");--> statement-breakpoint
CREATE INDEX "usage_logs_outcome_index" ON "usage_logs" USING btree ("outcome","created_at","request_id") WHERE "usage_logs"."outcome" <> 'completed';--> statement-breakpoint
CREATE INDEX "usage_logs_upstream_response_id_index" ON "usage_logs" USING btree ("upstream_response_id") WHERE "usage_logs"."upstream_response_id" is not null;--> statement-breakpoint
CREATE INDEX "sessions_user_id_index" ON "sessions" USING btree ("user_id");--> statement-breakpoint
CREATE INDEX "sessions_expires_at_index" ON "sessions" USING btree ("expires_at");--> statement-breakpoint
CREATE UNIQUE INDEX "users_email_unique" ON "users" USING btree (lower("email"));