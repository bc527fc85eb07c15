ALTER TABLE "ops_alert_events" ADD COLUMN "revision" bigint DEFAULT 0 NOT NULL;--> statement-breakpoint
CREATE INDEX "ops_alert_events_revision_index" ON "ops_alert_events" USING btree ("revision");--> statement-breakpoint
CREATE SEQUENCE alert_event_revisions;
--> statement-breakpoint
-- Changes are numbered in the order in which they commit: the lock is held until then, so that who follows them, number by
-- number, misses none. Events change seldom.
CREATE FUNCTION number_alert_event_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	PERFORM pg_advisory_xact_lock(7464003);
	NEW."revision" := nextval('alert_event_revisions');
	RETURN NEW;
END
$$;
--> statement-breakpoint
CREATE TRIGGER number_alert_event_change BEFORE INSERT OR UPDATE
ON "ops_alert_events" FOR EACH ROW EXECUTE FUNCTION number_alert_event_change();
