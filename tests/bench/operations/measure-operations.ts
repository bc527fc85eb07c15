import type { Goal } from '../report.ts'
import { FULL_SCALE, measureDashboards, QUICK_SCALE } from './dashboards.ts'
import { measureErrorRecords } from './error-records.ts'
import { measureSubscribers } from './subscribers.ts'

/** What operations promises of itself; each takes its time, so only those that are named are measured. */
export const OPERATIONS = ['dashboards', 'errors', 'subscribers'] as const
export type OperationsCase = (typeof OPERATIONS)[number]

export function measureOperations(
  name: OperationsCase,
  { isQuick, dataDir, step }: { isQuick: boolean; dataDir: string | undefined; step(text: string): void },
): Promise<Goal[]> {
  switch (name) {
    case 'dashboards':
      return measureDashboards(isQuick ? QUICK_SCALE : FULL_SCALE, { dataDir, step })
    case 'errors':
      return measureErrorRecords(isQuick ? 50 : 500, isQuick ? 1 : 10)
    case 'subscribers':
      return measureSubscribers(isQuick ? 200 : 1_000, isQuick ? 3 : 15, step)
  }
}
