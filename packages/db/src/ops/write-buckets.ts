import type { TallyRow } from '@turnpike/core/ops/tally'
import postgres, { type JSONValue, type Sql } from 'postgres'
import { ensurePartitionsFor } from '../partitions.ts'
import { COUNT_COLUMNS, HISTOGRAMS, ROW_COLUMNS } from './columns.ts'

/** One life of one instance. */
export interface InstanceLife {
  instanceId: string
  bootId: string
}

/** What a life knows of ten seconds that are over. */
export interface ClosedBucket {
  /** Ms since the epoch, a multiple of ten seconds. */
  atMs: number
  rows: readonly TallyRow[]
  /** What it measured of itself; null = nothing. */
  sample: JSONValue | null
}

/**
 * Writes closed buckets, and how far the life has written (`flushedToMs`; null = somebody else writes for it), in one
 * transaction. What was written of them
 * before is replaced, so a bucket given twice counts once. Their roll-ups become due.
 */
export async function writeBuckets(
  sql: Sql,
  life: InstanceLife,
  buckets: readonly ClosedBucket[],
  flushedToMs: number | null,
): Promise<void> {
  try {
    await write(sql, life, buckets, flushedToMs)
  } catch (error) {
    if (!isMissingPartition(error)) throw error
    await ensurePartitionsFor(
      sql,
      buckets.map(({ atMs }) => new Date(atMs)),
      'ops_buckets',
    )
    await write(sql, life, buckets, flushedToMs)
  }
}

async function write(sql: Sql, life: InstanceLife, buckets: readonly ClosedBucket[], flushedToMs: number | null) {
  const { instanceId, bootId } = life
  const rows = buckets.flatMap(({ atMs, rows: ofBucket }) => ofBucket.map((row) => toJson(atMs, row)))
  const samples = buckets.flatMap(({ atMs, sample }) => (sample === null ? [] : [{ at: atMs, sample }]))
  await sql.begin(async (tx) => {
    if (buckets.length > 0)
      await markDue(
        tx,
        buckets.map(({ atMs }) => atMs),
      )
    if (rows.length > 0) await tx.unsafe(UPSERT, [instanceId, bootId, JSON.stringify(rows)], { prepare: true })
    if (samples.length > 0) {
      await tx`insert into ops_samples (bucket, instance_id, boot_id, sample)
        select to_timestamp(s.at / 1000), ${instanceId}, ${bootId}, s.sample
        from jsonb_to_recordset(${JSON.stringify(samples)}::text::jsonb) as s (at double precision, sample jsonb)
        on conflict (bucket, boot_id) do update set sample = excluded.sample`
    }
    if (flushedToMs !== null) {
      await tx`update ops_instances set seen_at = now(), flushed_to = greatest(flushed_to, ${new Date(flushedToMs)})
        where boot_id = ${bootId}`
    }
  })
}

/** Raising the version locks the row: a roll-up under way waits, and is made again from what is written here. */
export async function markDue(sql: Pick<Sql, 'unsafe'>, atMs: readonly number[]): Promise<void> {
  await sql.unsafe(
    `insert into ops_rollups_due (step, bucket)
     select distinct step, date_trunc(step, to_timestamp(at / 1000), 'UTC')
     from unnest($1::float8[]) as b (at), unnest(array['minute', 'hour', 'day']) as s (step) order by 1, 2
     on conflict (step, bucket) do update set version = ops_rollups_due.version + 1`,
    [[...atMs]],
    { prepare: true },
  )
}

function toJson(atMs: number, row: TallyRow): Record<string, unknown> {
  const json: Record<string, unknown> = {
    at: atMs,
    dimension: row.dimension,
    tuple: row.tuple,
    is_other: row.isOther,
    provider: row.provider,
    group_id: row.groupId,
    account_id: row.accountId,
    model: row.model,
    endpoint: row.endpoint,
    user_id: row.userId,
    key_id: row.keyId,
    code: row.code,
  }
  for (const [column, member] of Object.entries(COUNT_COLUMNS)) json[column] = row[member]
  for (const name of HISTOGRAMS) {
    const histogram = row[name]
    json[`${name}_sum_us`] = histogram?.sumUs ?? 0
    json[`${name}_max_us`] = histogram?.maxUs ?? 0
    json[`${name}_bins`] = histogram?.bins() ?? []
  }
  return json
}

const UPSERT = `
  insert into ops_buckets (bucket, instance_id, boot_id, ${ROW_COLUMNS.join(', ')})
  select to_timestamp(o.at / 1000), $1, $2::uuid, ${ROW_COLUMNS.map(columnValue).join(', ')}
  from jsonb_to_recordset($3::text::jsonb) as o (at double precision, dimension text, tuple text, is_other boolean,
    provider text, group_id bigint, account_id bigint, model text, endpoint text, user_id bigint, key_id bigint, code text,
    ${Object.keys(COUNT_COLUMNS)
      .map((name) => `${name} bigint`)
      .join(', ')},
    ${HISTOGRAMS.map((name) => `${name}_sum_us bigint, ${name}_max_us bigint, ${name}_bins jsonb`).join(', ')})
  on conflict (bucket, boot_id, tuple) do update set
    ${ROW_COLUMNS.filter((name) => name !== 'tuple')
      .map((name) => `${name} = excluded.${name}`)
      .join(', ')}`

function columnValue(column: string): string {
  if (!column.endsWith('_bins')) return `o.${column}`
  return `coalesce((select array_agg(bin::bigint) from jsonb_array_elements_text(o.${column}) as bin), '{}')`
}

function isMissingPartition(error: unknown): boolean {
  return error instanceof postgres.PostgresError && error.code === '23514'
}
