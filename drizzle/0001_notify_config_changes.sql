-- Whoever holds configuration in memory listens on `turnpike_config`; the payload is the table.
-- Columns the gateway itself writes all the time (last use, cooling, health) are left out of the lists.
CREATE FUNCTION notify_config_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	PERFORM pg_notify('turnpike_config', TG_TABLE_NAME);
	RETURN NULL;
END
$$;
--> statement-breakpoint
CREATE TRIGGER notify_config_change AFTER INSERT OR DELETE OR TRUNCATE OR UPDATE OF
	"status", "concurrency"
ON "users" FOR EACH STATEMENT EXECUTE FUNCTION notify_config_change();
--> statement-breakpoint
CREATE TRIGGER notify_config_change AFTER INSERT OR DELETE OR TRUNCATE OR UPDATE OF
	"public_id", "secret_hash", "pepper_version", "last4", "user_id", "group_id", "name", "status", "expires_at",
	"concurrency", "requests_per_minute", "tokens_per_minute", "limit_total_nano", "limit_day_nano", "limit_month_nano",
	"models", "cidrs", "replaced_by_id"
ON "api_keys" FOR EACH STATEMENT EXECUTE FUNCTION notify_config_change();
--> statement-breakpoint
CREATE TRIGGER notify_config_change AFTER INSERT OR DELETE OR TRUNCATE OR UPDATE OF
	"name", "provider", "base_url", "protocol", "auth", "secret_sealed", "secret_last4", "extra_headers_sealed",
	"forward_organization", "priority", "weight", "concurrency", "model_mapping", "models", "affinity_domain",
	"schedulable", "expires_at", "status", "status_reason"
ON "accounts" FOR EACH STATEMENT EXECUTE FUNCTION notify_config_change();
--> statement-breakpoint
CREATE TRIGGER notify_config_change AFTER INSERT OR DELETE OR TRUNCATE OR UPDATE
ON "groups" FOR EACH STATEMENT EXECUTE FUNCTION notify_config_change();
--> statement-breakpoint
CREATE TRIGGER notify_config_change AFTER INSERT OR DELETE OR TRUNCATE OR UPDATE
ON "user_groups" FOR EACH STATEMENT EXECUTE FUNCTION notify_config_change();
--> statement-breakpoint
CREATE TRIGGER notify_config_change AFTER INSERT OR DELETE OR TRUNCATE OR UPDATE
ON "account_groups" FOR EACH STATEMENT EXECUTE FUNCTION notify_config_change();
--> statement-breakpoint
CREATE TRIGGER notify_config_change AFTER INSERT OR DELETE OR TRUNCATE OR UPDATE
ON "prices" FOR EACH STATEMENT EXECUTE FUNCTION notify_config_change();
--> statement-breakpoint
CREATE TRIGGER notify_config_change AFTER INSERT OR DELETE OR TRUNCATE OR UPDATE
ON "settings" FOR EACH STATEMENT EXECUTE FUNCTION notify_config_change();
