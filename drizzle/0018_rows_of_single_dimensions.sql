-- Roll-ups that were made without rows of single dimensions: the roll-up job adds these, and until then rows of tuples answer.
INSERT INTO "ops_rollups_due" ("step", "bucket")
SELECT DISTINCT 'hour-singles', "bucket" FROM "ops_dimension_stats_hourly" WHERE "dimension" = 'tuple'
UNION ALL
SELECT DISTINCT 'day-singles', "bucket" FROM "ops_dimension_stats_daily" WHERE "dimension" = 'tuple'
ON CONFLICT DO NOTHING;
--> statement-breakpoint
-- Roll-ups of the ledger are kept as long as the ledger, unless somebody wants them gone sooner.
INSERT INTO "ops_data_retention_config" ("table_name", "days", "enabled")
SELECT 'usage_rollups', "days", "enabled" FROM "ops_data_retention_config" WHERE "table_name" = 'usage_logs'
ON CONFLICT DO NOTHING;
