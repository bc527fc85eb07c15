import type { PendingQuery, Row, Sql } from 'postgres'
import type { InstanceLife } from './write-buckets.ts'

/** An instance that has not been heard of for so long is dead: it writes every ten seconds. */
const DEAD_AFTER_SECONDS = 60

/** Whether `life`, a row of ops_instances, is over without a goodbye: unheard of for a minute, or its instance began anew. */
export function isGone(sql: Sql): PendingQuery<Row[]> {
  return sql`(life.stopped_at is null and (life.seen_at < now() - make_interval(secs => ${DEAD_AFTER_SECONDS})
    or exists (select from ops_instances as next
      where next.instance_id = life.instance_id and next.started_at > life.started_at)))`
}

/** Notes that a life has begun: its buckets are written from `startedAt` on. */
export async function beginLife(sql: Sql, life: InstanceLife & { version: string; startedAt: Date }): Promise<void> {
  const { instanceId, bootId, version, startedAt } = life
  await sql`insert into ops_instances (boot_id, instance_id, version, started_at, seen_at, flushed_to)
    values (${bootId}, ${instanceId}, ${version}, ${startedAt}, now(), ${startedAt}) on conflict do nothing`
}

/** Notes that a life has written everything it knew. */
export async function endLife(sql: Sql, bootId: string): Promise<void> {
  await sql`update ops_instances set seen_at = now(), stopped_at = now(), recovered_at = now() where boot_id = ${bootId}`
}

/** The ledger has learnt more of a life that is over: what it ended with is counted anew. */
export async function reopenLife(sql: Sql, bootId: string): Promise<void> {
  // Compared as text: a journal's directory may have been renamed by hand.
  await sql`update ops_instances set recovered_at = null where boot_id::text = ${bootId}`
}
