import type { Server } from 'node:http'
import { promisify } from 'node:util'
import type { InstanceLife } from '@turnpike/db'
import type { Sql } from 'postgres'
import type { Log } from '../../../shared/logger.ts'
import type { WallClock } from '../../../shared/wall-clock.ts'
import { createCollector } from './collector.ts'
import { openInstanceSampler, type ServerGauges } from './instance-sampler.ts'

interface MetricsOptions {
  sql: Sql
  clock: WallClock
  life: InstanceLife
  version: string
  dataDir: string
  /** How this instance's connections to the database are named. */
  applicationName: string
  providerOf(accountId: number): string | null
  gauges(): Omit<ServerGauges, 'openSockets'>
  server(): Server | null
  log: Log
}

/** The collector with what it measures of this process. */
export function openMetrics({ gauges, server, dataDir, applicationName, ...options }: MetricsOptions) {
  const sampler = openInstanceSampler({ sql: options.sql, applicationName, dataDir, gauges: allGauges })
  const collector = createCollector({ ...options, sample: sampler.sample })

  async function allGauges(): Promise<ServerGauges> {
    return { ...gauges(), openSockets: await connectionsOf(server()) }
  }

  return {
    ...collector,
    async close(): Promise<void> {
      await collector.close()
      sampler.close()
    },
  }
}

async function connectionsOf(server: Server | null): Promise<number> {
  return server === null ? 0 : promisify(server.getConnections.bind(server))()
}
