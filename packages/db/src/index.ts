export { createDb, type Db, type DbOptions } from './client.ts'
export { type MigrateOptions, migrate } from './migrate.ts'
export { ensurePartitions, ensurePartitionsFor } from './partitions.ts'
export { type InsertOutcomesResult, insertOutcomes, type RejectedOutcome } from './usage-logs/insert-outcomes.ts'
