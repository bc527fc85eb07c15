import type { Sql } from 'postgres'
import type { BackupSection } from './format.ts'

/**
 * Tables of the schema (partitions go with their parent), each after those that its foreign keys point to, with the columns
 * that hold what was stored rather than computed.
 */
export async function tablesInOrder(sql: Sql): Promise<BackupSection[]> {
  const tables = await sql<BackupSection[]>`
    select relname as table, array_agg(attname::text order by attnum) as columns
    from pg_class join pg_attribute on attrelid = pg_class.oid
    where relnamespace = 'public'::regnamespace and relkind in ('r', 'p') and not relispartition
      and attnum > 0 and not attisdropped and attgenerated = ''
    group by relname order by relname`
  const references = await sql<{ from: string; to: string }[]>`
    select distinct child.relname as from, parent.relname as to
    from pg_constraint join pg_class child on child.oid = conrelid join pg_class parent on parent.oid = confrelid
    where contype = 'f' and conrelid <> confrelid and not child.relispartition and not parent.relispartition`
  return inOrder(tables, references)
}

/** Last value of every sequence of the schema; null = never used. */
export async function sequencesOf(sql: Sql): Promise<Record<string, string | null>> {
  const rows = await sql<{ name: string; value: string | null }[]>`
    select sequencename as name, last_value::text as value from pg_sequences where schemaname = 'public' order by 1`
  return Object.fromEntries(rows.map(({ name, value }) => [name, value]))
}

/** Partitions of the schema, by name. */
export async function partitionNames(sql: Sql): Promise<string[]> {
  const rows = await sql<{ name: string }[]>`
    select relname as name from pg_class
    where relnamespace = 'public'::regnamespace and relkind = 'r' and relispartition order by 1`
  return rows.map(({ name }) => name)
}

/** How many migrations the database has seen; 0 where there is no schema yet. */
export async function migrationsOf(sql: Sql): Promise<number> {
  const [table] = await sql<{ isThere: boolean }[]>`
    select to_regclass('drizzle.__drizzle_migrations') is not null as "isThere"`
  if (!table?.isThere) return 0
  const [row] = await sql<{ count: number }[]>`select count(*)::int as count from drizzle.__drizzle_migrations`
  return row?.count ?? 0
}

function inOrder(tables: readonly BackupSection[], references: readonly { from: string; to: string }[]) {
  const ordered: BackupSection[] = []
  let left = [...tables]
  while (left.length > 0) {
    const waiting = new Set(left.map(({ table }) => table))
    const free = left.filter(({ table }) => !references.some(({ from, to }) => from === table && waiting.has(to)))
    if (free.length === 0) throw new Error(`Tables refer to each other in a circle: ${[...waiting].join(', ')}`)
    ordered.push(...free)
    left = left.filter((each) => !free.includes(each))
  }
  return ordered
}
