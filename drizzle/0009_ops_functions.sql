-- Bins of several histograms, merged by "key" and ascending, tell the value of which at least the share of all is at or
-- below, in milliseconds; NULL: they hold nothing. A bin is its key × 2^40 + its count, see "Histogram" of the core.
CREATE FUNCTION bins_quantile(p_bins bigint[], p_share double precision) RETURNS double precision
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
DECLARE
	c_gamma CONSTANT double precision := 1.005::double precision / 0.995;
	bin bigint;
	total bigint := 0;
	seen bigint := 0;
	rank bigint;
BEGIN
	FOREACH bin IN ARRAY coalesce(p_bins, '{}') LOOP total := total + (bin & 1099511627775); END LOOP;
	IF total = 0 THEN RETURN NULL; END IF;
	rank := greatest(ceil(p_share * total), 1);
	FOREACH bin IN ARRAY p_bins LOOP
		seen := seen + (bin & 1099511627775);
		IF seen >= rank THEN
			IF bin >> 40 = -4096 THEN RETURN 0; END IF;
			RETURN power(c_gamma, (bin >> 40)::double precision) * 2 / (1 + c_gamma);
		END IF;
	END LOOP;
	RETURN NULL;
END
$$;
--> statement-breakpoint
-- The health score of ops.md: 0 to 100, with its parts. Without traffic all parts but the resources count full, and so does
-- what has no data. "resource_percent" is the worst of all resources; above 100: something is down, or a job is overdue.
-- The targets of both times are settings.
CREATE FUNCTION calculate_health_score(
	success_rate double precision, upstream_error_rate double precision, gateway_p99_ms double precision,
	ttft_p99_ms double precision, resource_percent double precision, request_count bigint) RETURNS jsonb
LANGUAGE plpgsql STABLE PARALLEL SAFE AS $$
DECLARE
	is_idle boolean := coalesce(request_count, 0) = 0;
	gateway_target double precision := coalesce((SELECT (s."value" #>> '{}')::double precision FROM "settings" s WHERE s."key" = 'ops.gatewayTargetMs'), 25);
	ttft_target double precision := coalesce((SELECT (s."value" #>> '{}')::double precision FROM "settings" s WHERE s."key" = 'ops.ttftTargetMs'), 20000);
	availability integer := CASE WHEN is_idle OR success_rate IS NULL OR success_rate >= 99.9 THEN 40
		WHEN success_rate >= 99.5 THEN 35 WHEN success_rate >= 99 THEN 30 WHEN success_rate >= 95 THEN 20 ELSE 10 END;
	upstream integer := CASE WHEN is_idle OR upstream_error_rate IS NULL OR upstream_error_rate <= 0.1 THEN 30
		WHEN upstream_error_rate <= 0.5 THEN 25 WHEN upstream_error_rate <= 1 THEN 20 WHEN upstream_error_rate <= 5 THEN 10 ELSE 5 END;
	gateway integer := CASE WHEN is_idle OR gateway_p99_ms IS NULL OR gateway_p99_ms <= gateway_target THEN 10
		WHEN gateway_p99_ms <= gateway_target * 2 THEN 6 WHEN gateway_p99_ms <= gateway_target * 5 THEN 3 ELSE 0 END;
	ttft integer := CASE WHEN is_idle OR ttft_p99_ms IS NULL OR ttft_p99_ms <= ttft_target THEN 10
		WHEN ttft_p99_ms <= ttft_target * 2 THEN 6 WHEN ttft_p99_ms <= ttft_target * 5 THEN 3 ELSE 0 END;
	resources integer := CASE WHEN resource_percent IS NULL OR resource_percent <= 50 THEN 10 WHEN resource_percent <= 70 THEN 7
		WHEN resource_percent <= 85 THEN 5 WHEN resource_percent <= 100 THEN 2 ELSE 0 END;
BEGIN
	RETURN jsonb_build_object(
		'score', availability + upstream + gateway + ttft + resources,
		'parts', jsonb_build_array(
			jsonb_build_object('name', 'availability', 'points', availability, 'max', 40, 'value', success_rate),
			jsonb_build_object('name', 'upstream_errors', 'points', upstream, 'max', 30, 'value', upstream_error_rate),
			jsonb_build_object('name', 'gateway_ms', 'points', gateway, 'max', 10, 'value', gateway_p99_ms),
			jsonb_build_object('name', 'ttft', 'points', ttft, 'max', 10, 'value', ttft_p99_ms),
			jsonb_build_object('name', 'resources', 'points', resources, 'max', 10, 'value', resource_percent)));
END
$$;
--> statement-breakpoint
-- The newest closed minute of all instances together.
CREATE VIEW ops_latest_metrics AS
SELECT m.*, (h.health ->> 'score')::integer AS health_score, h.health -> 'parts' AS health_parts
FROM "ops_system_metrics" m CROSS JOIN LATERAL (
	SELECT calculate_health_score(m."success_rate", m."upstream_error_rate", m."p99_gateway_ms", m."p99_ttft_ms",
		(m."tags" ->> 'resourcePercent')::double precision, m."request_count") AS health) h
WHERE m."window_minutes" = 1 AND m."instance_id" = '*'
ORDER BY m."created_at" DESC LIMIT 1;
--> statement-breakpoint
CREATE VIEW ops_active_alerts AS
SELECT e.*, extract(epoch FROM now() - e."fired_at")::double precision AS duration_seconds
FROM "ops_alert_events" e WHERE e."status" = 'firing';
--> statement-breakpoint
INSERT INTO "ops_data_retention_config" ("table_name", "days") VALUES
	('usage_logs', 400), ('ops_buckets', 2), ('ops_samples', 2), ('ops_dimension_stats', 30), ('ops_system_metrics', 30),
	('ops_dimension_stats_hourly', 400), ('ops_dimension_stats_daily', NULL), ('ops_error_logs', 30), ('ops_alert_events', 90),
	('ops_instances', 90);
