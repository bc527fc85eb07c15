CREATE TABLE "audit_log" (
	"id" bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY (sequence name "audit_log_id_seq" INCREMENT BY 1 MINVALUE 1 MAXVALUE 9223372036854775807 START WITH 1 CACHE 1),
	"at" timestamp (3) with time zone NOT NULL,
	"actor_kind" text NOT NULL,
	"actor_id" bigint,
	"actor_name" text NOT NULL,
	"action" text NOT NULL,
	"target_type" text NOT NULL,
	"target_id" text,
	"change" jsonb NOT NULL,
	"ip" text,
	"request_id" text,
	"previous_hash" text NOT NULL,
	"hash" text NOT NULL,
	CONSTRAINT "audit_log_actor_kind_check" CHECK ("audit_log"."actor_kind" in ('user', 'token', 'system'))
);
--> statement-breakpoint
CREATE TABLE "balance_changes" (
	"id" bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY (sequence name "balance_changes_id_seq" INCREMENT BY 1 MINVALUE 1 MAXVALUE 9223372036854775807 START WITH 1 CACHE 1),
	"user_id" bigint NOT NULL,
	"kind" text NOT NULL,
	"amount_nano" bigint NOT NULL,
	"reason" text DEFAULT '' NOT NULL,
	"actor_user_id" bigint,
	"redeem_code_id" bigint,
	"at" timestamp (3) with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "balance_changes_kind_check" CHECK ("balance_changes"."kind" in ('adjustment', 'redeem', 'carried_forward'))
);
--> statement-breakpoint
CREATE TABLE "credit_leases" (
	"id" uuid PRIMARY KEY NOT NULL,
	"purse" text NOT NULL,
	"owner_id" bigint NOT NULL,
	"boot_id" text NOT NULL,
	"amount_nano" bigint NOT NULL,
	"expires_at" timestamp (3) with time zone NOT NULL,
	"created_at" timestamp (3) with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "credit_leases_purse_check" CHECK ("credit_leases"."purse" in ('balance', 'subscription', 'key'))
);
--> statement-breakpoint
CREATE TABLE "key_spending" (
	"key_id" bigint PRIMARY KEY NOT NULL,
	"total_nano" bigint DEFAULT 0 NOT NULL,
	"day_started_at" timestamp (3) with time zone,
	"day_nano" bigint DEFAULT 0 NOT NULL,
	"month_started_at" timestamp (3) with time zone,
	"month_nano" bigint DEFAULT 0 NOT NULL
);
--> statement-breakpoint
CREATE TABLE "redeem_codes" (
	"id" bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY (sequence name "redeem_codes_id_seq" INCREMENT BY 1 MINVALUE 1 MAXVALUE 9223372036854775807 START WITH 1 CACHE 1),
	"code_hash" text NOT NULL,
	"last4" text NOT NULL,
	"kind" text NOT NULL,
	"amount_nano" bigint,
	"group_id" bigint,
	"days" integer,
	"notes" text DEFAULT '' NOT NULL,
	"expires_at" timestamp (3) with time zone,
	"redeemed_by_id" bigint,
	"redeemed_at" timestamp (3) with time zone,
	"created_by_id" bigint,
	"created_at" timestamp (3) with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "redeem_codes_code_hash_unique" UNIQUE("code_hash"),
	CONSTRAINT "redeem_codes_kind_check" CHECK ("redeem_codes"."kind" in ('balance', 'subscription'))
);
--> statement-breakpoint
CREATE TABLE "subscriptions" (
	"id" bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY (sequence name "subscriptions_id_seq" INCREMENT BY 1 MINVALUE 1 MAXVALUE 9223372036854775807 START WITH 1 CACHE 1),
	"user_id" bigint NOT NULL,
	"group_id" bigint NOT NULL,
	"status" text DEFAULT 'active' NOT NULL,
	"starts_at" timestamp (3) with time zone NOT NULL,
	"expires_at" timestamp (3) with time zone NOT NULL,
	"day_started_at" timestamp (3) with time zone,
	"week_started_at" timestamp (3) with time zone,
	"month_started_at" timestamp (3) with time zone,
	"day_spent_nano" bigint DEFAULT 0 NOT NULL,
	"week_spent_nano" bigint DEFAULT 0 NOT NULL,
	"month_spent_nano" bigint DEFAULT 0 NOT NULL,
	"created_at" timestamp (3) with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "subscriptions_status_check" CHECK ("subscriptions"."status" in ('active', 'expired', 'revoked'))
);
--> statement-breakpoint
CREATE TABLE "service_tokens" (
	"id" bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY (sequence name "service_tokens_id_seq" INCREMENT BY 1 MINVALUE 1 MAXVALUE 9223372036854775807 START WITH 1 CACHE 1),
	"token_hash" text NOT NULL,
	"last4" text NOT NULL,
	"name" text NOT NULL,
	"scopes" text[] NOT NULL,
	"created_by_id" bigint NOT NULL,
	"expires_at" timestamp (3) with time zone NOT NULL,
	"revoked_at" timestamp (3) with time zone,
	"last_used_at" timestamp (3) with time zone,
	"created_at" timestamp (3) with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "service_tokens_token_hash_unique" UNIQUE("token_hash")
);
--> statement-breakpoint
CREATE TABLE "invites" (
	"id" bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY (sequence name "invites_id_seq" INCREMENT BY 1 MINVALUE 1 MAXVALUE 9223372036854775807 START WITH 1 CACHE 1),
	"token_hash" text NOT NULL,
	"user_id" bigint NOT NULL,
	"expires_at" timestamp (3) with time zone NOT NULL,
	"used_at" timestamp (3) with time zone,
	"created_at" timestamp (3) with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "invites_token_hash_unique" UNIQUE("token_hash")
);
--> statement-breakpoint
DROP INDEX "prices_unique";--> statement-breakpoint
ALTER TABLE "accounts" ADD COLUMN "oauth_grant" text;--> statement-breakpoint
ALTER TABLE "accounts" ADD COLUMN "oauth_token_url" text;--> statement-breakpoint
ALTER TABLE "accounts" ADD COLUMN "oauth_client_id" text;--> statement-breakpoint
ALTER TABLE "accounts" ADD COLUMN "oauth_scope" text;--> statement-breakpoint
ALTER TABLE "accounts" ADD COLUMN "oauth_refresh_sealed" text;--> statement-breakpoint
ALTER TABLE "accounts" ADD COLUMN "oauth_access_sealed" text;--> statement-breakpoint
ALTER TABLE "accounts" ADD COLUMN "oauth_access_expires_at" timestamp (3) with time zone;--> statement-breakpoint
ALTER TABLE "accounts" ADD COLUMN "oauth_generation" integer DEFAULT 0 NOT NULL;--> statement-breakpoint
ALTER TABLE "accounts" ADD COLUMN "proxy_sealed" text;--> statement-breakpoint
ALTER TABLE "accounts" ADD COLUMN "proxy_host" text;--> statement-breakpoint
ALTER TABLE "accounts" ADD COLUMN "health_check_minutes" integer;--> statement-breakpoint
ALTER TABLE "accounts" ADD COLUMN "health_check_recovers" boolean DEFAULT false NOT NULL;--> statement-breakpoint
ALTER TABLE "accounts" ADD COLUMN "health_checked_at" timestamp (3) with time zone;--> statement-breakpoint
ALTER TABLE "prices" ADD COLUMN "service_tier" text;--> statement-breakpoint
ALTER TABLE "prices" ADD COLUMN "tiers" jsonb DEFAULT '[]'::jsonb NOT NULL;--> statement-breakpoint
ALTER TABLE "usage_logs" ADD COLUMN "billing" text;--> statement-breakpoint
ALTER TABLE "usage_logs" ADD COLUMN "subscription_id" bigint;--> statement-breakpoint
ALTER TABLE "usage_logs" ADD COLUMN "service_tier" text;--> statement-breakpoint
ALTER TABLE "users" ADD COLUMN "billed_nano" bigint DEFAULT 0 NOT NULL;--> statement-breakpoint
ALTER TABLE "users" ADD COLUMN "totp_secret_sealed" text;--> statement-breakpoint
ALTER TABLE "users" ADD COLUMN "totp_enabled_at" timestamp (3) with time zone;--> statement-breakpoint
ALTER TABLE "users" ADD COLUMN "totp_last_step" bigint;--> statement-breakpoint
ALTER TABLE "users" ADD COLUMN "recovery_code_hashes" text[] DEFAULT '{}' NOT NULL;--> statement-breakpoint
ALTER TABLE "balance_changes" ADD CONSTRAINT "balance_changes_user_id_users_id_fk" FOREIGN KEY ("user_id") REFERENCES "public"."users"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "balance_changes" ADD CONSTRAINT "balance_changes_actor_user_id_users_id_fk" FOREIGN KEY ("actor_user_id") REFERENCES "public"."users"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "key_spending" ADD CONSTRAINT "key_spending_key_id_api_keys_id_fk" FOREIGN KEY ("key_id") REFERENCES "public"."api_keys"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "redeem_codes" ADD CONSTRAINT "redeem_codes_group_id_groups_id_fk" FOREIGN KEY ("group_id") REFERENCES "public"."groups"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "redeem_codes" ADD CONSTRAINT "redeem_codes_redeemed_by_id_users_id_fk" FOREIGN KEY ("redeemed_by_id") REFERENCES "public"."users"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "redeem_codes" ADD CONSTRAINT "redeem_codes_created_by_id_users_id_fk" FOREIGN KEY ("created_by_id") REFERENCES "public"."users"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "subscriptions" ADD CONSTRAINT "subscriptions_user_id_users_id_fk" FOREIGN KEY ("user_id") REFERENCES "public"."users"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "subscriptions" ADD CONSTRAINT "subscriptions_group_id_groups_id_fk" FOREIGN KEY ("group_id") REFERENCES "public"."groups"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "service_tokens" ADD CONSTRAINT "service_tokens_created_by_id_users_id_fk" FOREIGN KEY ("created_by_id") REFERENCES "public"."users"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "invites" ADD CONSTRAINT "invites_user_id_users_id_fk" FOREIGN KEY ("user_id") REFERENCES "public"."users"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
CREATE INDEX "audit_log_target_index" ON "audit_log" USING btree ("target_type","target_id","id");--> statement-breakpoint
CREATE INDEX "audit_log_actor_index" ON "audit_log" USING btree ("actor_kind","actor_id","id");--> statement-breakpoint
CREATE INDEX "balance_changes_user_id_index" ON "balance_changes" USING btree ("user_id","id");--> statement-breakpoint
CREATE INDEX "credit_leases_owner_index" ON "credit_leases" USING btree ("purse","owner_id");--> statement-breakpoint
CREATE INDEX "credit_leases_expires_at_index" ON "credit_leases" USING btree ("expires_at");--> statement-breakpoint
CREATE INDEX "redeem_codes_redeemed_by_id_index" ON "redeem_codes" USING btree ("redeemed_by_id");--> statement-breakpoint
CREATE UNIQUE INDEX "subscriptions_active_unique" ON "subscriptions" USING btree ("user_id","group_id") WHERE "subscriptions"."status" = 'active';--> statement-breakpoint
CREATE INDEX "subscriptions_group_id_index" ON "subscriptions" USING btree ("group_id");--> statement-breakpoint
CREATE INDEX "service_tokens_created_by_id_index" ON "service_tokens" USING btree ("created_by_id");--> statement-breakpoint
CREATE INDEX "invites_user_id_index" ON "invites" USING btree ("user_id");--> statement-breakpoint
CREATE UNIQUE INDEX "prices_unique" ON "prices" USING btree (coalesce("provider", ''),"model",coalesce("service_tier", ''),"valid_from");--> statement-breakpoint
ALTER TABLE "accounts" ADD CONSTRAINT "accounts_oauth_grant_check" CHECK ("accounts"."oauth_grant" in ('client_credentials', 'refresh_token'));