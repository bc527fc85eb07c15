-- Credit that an instance has leased was leased from the balance as it was: what is taken from it must not be spent there.
CREATE FUNCTION notify_balance_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	PERFORM pg_notify('turnpike_config', 'users:' || NEW."user_id");
	RETURN NULL;
END
$$;
--> statement-breakpoint
CREATE TRIGGER notify_balance_change AFTER INSERT
ON "balance_changes" FOR EACH ROW EXECUTE FUNCTION notify_balance_change();
