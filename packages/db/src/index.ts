export { BackupError } from './backup/format.ts'
export { restoreBackup } from './backup/restore-backup.ts'
export { writeBackup } from './backup/write-backup.ts'
export { createDb, type Db, type DbOptions } from './client.ts'
export { type InstanceLock, InstanceLockError, openInstanceLock } from './instance-lock.ts'
export { type MigrateOptions, migrate } from './migrate.ts'
export { type BalanceMismatch, balanceMismatches } from './money/balance-check.ts'
export {
  activeSubscription,
  type LeaseGrant,
  type LeaseStep,
  leaseCredit,
  type PurseName,
  releaseCredit,
  renewLeases,
  sweepLeases,
  tryLeaseCredit,
} from './money/credit-leases.ts'
export { type WindowMismatch, windowMismatches } from './money/window-check.ts'
export { COUNT_COLUMNS, COUNT_MASK, HISTOGRAMS, ROW_COLUMNS, summed, summedTimes } from './ops/columns.ts'
export { beginLife, endLife, isGone, reopenLife } from './ops/lives.ts'
export { recoverLives } from './ops/recover-lives.ts'
export { rollUp } from './ops/roll-up.ts'
export { fillSingles } from './ops/singles.ts'
export { type ClosedBucket, type InstanceLife, writeBuckets } from './ops/write-buckets.ts'
export {
  dropPartitionsBefore,
  ensurePartitions,
  ensurePartitionsFor,
  PARTITIONED_TABLES,
  type PartitionedTable,
} from './partitions.ts'
export { type InsertOutcomesResult, insertOutcomes, type RejectedOutcome } from './usage-logs/insert-outcomes.ts'
export {
  dropUsageRollupsBefore,
  rollUpUsage,
  USAGE_SUMS,
  USAGE_SUMS_OF_SUMS,
  withdrawUsageRollupsOf,
} from './usage-logs/roll-up-usage.ts'
