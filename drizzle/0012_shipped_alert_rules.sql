-- The view has the columns that were added to its table.
DROP VIEW ops_active_alerts;
--> statement-breakpoint
CREATE VIEW ops_active_alerts AS
SELECT e.*, extract(epoch FROM now() - e."fired_at")::double precision AS duration_seconds
FROM "ops_alert_events" e WHERE e."status" = 'firing';
--> statement-breakpoint
INSERT INTO "ops_data_retention_config" ("table_name", "days") VALUES ('alert_deliveries', 90);
--> statement-breakpoint
-- The rules that come with Turnpike (alerts.md, "Shipped rules"). A migration runs once: what is deleted stays deleted.
INSERT INTO "ops_alert_rules" ("name", "description", "severity", "metric_type", "aggregation", "group_by", "operator",
	"threshold", "recovery_threshold", "window_minutes", "sustained_minutes", "min_samples") VALUES
	('High error rate', 'More than 5 % of the requests fail through no fault of their callers.', 'critical', 'error_rate', 'ratio', '{}', '>', 5, 5, 5, 5, 20),
	('SLA missed', 'Fewer than 99 % of the requests succeed.', 'critical', 'sla', 'ratio', '{}', '<', 99, 99, 5, 5, 20),
	('Slow first token', 'One request in a hundred waits longer for its first token than the target.', 'warning', 'ttft_ms', 'p99', '{}', '>',
		coalesce((SELECT ("value" #>> '{}')::double precision FROM "settings" WHERE "key" = 'ops.ttftTargetMs'), 20000),
		coalesce((SELECT ("value" #>> '{}')::double precision FROM "settings" WHERE "key" = 'ops.ttftTargetMs'), 20000), 5, 10, 20),
	('Group without accounts', 'No account of a group can take a request.', 'critical', 'accounts_available', 'max', '{group}', '<', 1, 1, 1, 1, 0),
	('Long queue', 'More than 50 requests wait for a slot of their user or key.', 'warning', 'concurrency_queue_depth', 'max', '{}', '>', 50, 50, 1, 2, 0),
	('Processor busy', 'An instance uses more than 85 % of its processor time.', 'warning', 'cpu_usage_percent', 'avg', '{}', '>', 85, 85, 1, 5, 0),
	('Memory short', 'An instance uses more than 90 % of its memory.', 'warning', 'memory_usage_percent', 'max', '{}', '>', 90, 90, 1, 5, 0),
	('Journal backlog', 'More than 100 MiB of usage records wait for the database.', 'critical', 'journal_backlog', 'max', '{}', '>', 104857600, 104857600, 1, 5, 0),
	('Diagnostics dropped', 'The error log had no room for everything; usage records are not concerned.', 'warning', 'errors_dropped', 'sum', '{}', '>', 0, 0, 5, 0, 0),
	('Job overdue', 'A recurring job has not run at its time.', 'warning', 'job_overdue', 'max', '{}', '>', 0, 0, 1, 3, 0),
	('Redis away', 'An instance cannot reach Redis.', 'critical', 'redis_up', 'min', '{}', '<', 1, 1, 1, 1, 0);
