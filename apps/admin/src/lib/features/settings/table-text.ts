import { m } from '#lib/paraglide/messages.js'

const TEXTS: Record<string, () => string> = {
  usage_logs: m.table_usage_logs,
  usage_rollups: m.table_usage_rollups,
  ops_buckets: m.table_ops_buckets,
  ops_samples: m.table_ops_samples,
  ops_dimension_stats: m.table_ops_dimension_stats,
  ops_dimension_stats_hourly: m.table_ops_dimension_stats_hourly,
  ops_dimension_stats_daily: m.table_ops_dimension_stats_daily,
  ops_system_metrics: m.table_ops_system_metrics,
  ops_error_logs: m.table_ops_error_logs,
  ops_alert_events: m.table_ops_alert_events,
  ops_instances: m.table_ops_instances,
}

/** What a table holds; one that is not known goes by its name. */
export function tableText(name: string): string {
  return TEXTS[name]?.() ?? name
}
