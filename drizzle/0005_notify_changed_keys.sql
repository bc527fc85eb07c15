-- Keys are looked up one by one and kept: what changed is told by name, so that nobody reads 100,000 of them again.
-- A new key or user is in nobody's memory yet.
DROP TRIGGER notify_config_change ON "users";
--> statement-breakpoint
DROP TRIGGER notify_config_change ON "api_keys";
--> statement-breakpoint
CREATE FUNCTION notify_changed_key() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	PERFORM pg_notify('turnpike_config', 'api_keys:' || OLD."public_id");
	RETURN NULL;
END
$$;
--> statement-breakpoint
CREATE FUNCTION notify_changed_user() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	PERFORM pg_notify('turnpike_config', 'users:' || OLD."id");
	RETURN NULL;
END
$$;
--> statement-breakpoint
CREATE TRIGGER notify_config_change AFTER DELETE OR UPDATE OF
	"public_id", "secret_hash", "pepper_version", "last4", "user_id", "group_id", "name", "status", "expires_at",
	"concurrency", "requests_per_minute", "tokens_per_minute", "limit_total_nano", "limit_day_nano", "limit_month_nano",
	"models", "cidrs", "replaced_by_id"
ON "api_keys" FOR EACH ROW EXECUTE FUNCTION notify_changed_key();
--> statement-breakpoint
CREATE TRIGGER notify_config_change AFTER DELETE OR UPDATE OF
	"status", "concurrency"
ON "users" FOR EACH ROW EXECUTE FUNCTION notify_changed_user();
