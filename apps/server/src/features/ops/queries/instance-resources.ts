import type { InstanceSample } from '@turnpike/core/ops/instance-sample'
import type { Sql } from 'postgres'

export interface InstanceResources extends InstanceSample {
  instanceId: string
  version: string
  startedAt: string
  /** The ten seconds that were measured. */
  at: string
}

/** Who measured nothing for so long is not alive. */
const FRESH_MS = 60_000

/** What each instance that is alive measured last. */
export async function instanceResources(sql: Sql, nowMs: number): Promise<InstanceResources[]> {
  const rows = await sql<{ instanceId: string; version: string; startedAt: Date; at: Date; sample: InstanceSample }[]>`
    select distinct on (s.instance_id) s.instance_id as "instanceId", i.version, i.started_at as "startedAt",
      s.bucket as at, s.sample
    from ops_samples s join ops_instances i using (boot_id)
    where s.bucket > ${new Date(nowMs - FRESH_MS)} and i.stopped_at is null
    order by s.instance_id, s.bucket desc`
  return rows.map(({ sample, at, startedAt, ...instance }) => ({
    ...sample,
    ...instance,
    startedAt: startedAt.toISOString(),
    at: at.toISOString(),
  }))
}
