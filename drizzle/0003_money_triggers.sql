-- How an account is reached is configuration; its tokens are announced too, so that every instance uses the newest.
DROP TRIGGER notify_config_change ON "accounts";
--> statement-breakpoint
CREATE TRIGGER notify_config_change AFTER INSERT OR DELETE OR TRUNCATE OR UPDATE OF
	"name", "provider", "base_url", "protocol", "auth", "secret_sealed", "secret_last4", "extra_headers_sealed",
	"forward_organization", "priority", "weight", "concurrency", "model_mapping", "models", "affinity_domain",
	"schedulable", "expires_at", "status", "status_reason", "oauth_grant", "oauth_token_url", "oauth_client_id",
	"oauth_scope", "oauth_refresh_sealed", "oauth_access_sealed", "oauth_generation", "proxy_sealed",
	"health_check_minutes", "health_check_recovers"
ON "accounts" FOR EACH STATEMENT EXECUTE FUNCTION notify_config_change();
--> statement-breakpoint
-- Bills move counters of subscriptions all the time; only what a person changes is announced.
CREATE TRIGGER notify_config_change AFTER INSERT OR DELETE OR TRUNCATE OR UPDATE OF
	"status", "starts_at", "expires_at"
ON "subscriptions" FOR EACH STATEMENT EXECUTE FUNCTION notify_config_change();
--> statement-breakpoint
CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	RAISE EXCEPTION '% is append-only', TG_TABLE_NAME USING ERRCODE = 'restrict_violation';
END
$$;
--> statement-breakpoint
CREATE TRIGGER refuse_change BEFORE UPDATE OR DELETE OR TRUNCATE
ON "audit_log" FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
--> statement-breakpoint
CREATE TRIGGER refuse_change BEFORE UPDATE OR DELETE OR TRUNCATE
ON "balance_changes" FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
--> statement-breakpoint
-- Balances that were set before balance changes were written down.
INSERT INTO "balance_changes" ("user_id", "kind", "amount_nano", "reason")
SELECT "id", 'carried_forward', "balance_nano", 'balance before the first recorded change'
FROM "users" WHERE "balance_nano" <> 0;
