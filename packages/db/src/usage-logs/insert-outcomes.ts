import type { Outcome } from '@turnpike/core/gateway/outcome'
import postgres from 'postgres'
import { ensurePartitionsFor } from '../partitions.ts'
import { arrayLiteral, OUTCOME_COLUMNS } from './outcome-columns.ts'

export interface InsertOutcomesResult {
  /** Rows that were not there before. */
  inserted: number
  /** What can never become a row; the caller sets it aside, or it would block what comes after it. */
  rejected: RejectedOutcome[]
}

export interface RejectedOutcome {
  outcome: Outcome
  error: Error
}

/** One outcome ready to be written; cells in the order of `OUTCOME_COLUMNS`. */
interface Row {
  outcome: Outcome
  cells: ReturnType<(typeof OUTCOME_COLUMNS)[number]['value']>[]
}

/** A clock far off must not make partitions for ever. */
const EARLIEST_MS = Date.UTC(2020, 0)
const LATEST_MS = Date.UTC(2100, 0)

const NAMES = OUTCOME_COLUMNS.map(({ name }) => name).join(', ')
const VALUES = OUTCOME_COLUMNS.map(({ name, type }) => (type === 'jsonb' ? `${name}::jsonb` : name)).join(', ')
const ARRAYS = OUTCOME_COLUMNS.map(
  ({ type }, index) => `$${index + 1}::text::${type === 'jsonb' ? 'text' : type}[]`,
).join(', ')
const INSERT = `insert into usage_logs (${NAMES}) select ${VALUES} from unnest(${ARRAYS}) as o (${NAMES}) on conflict do nothing`

/**
 * Writes outcomes to the ledger, each at most once however often it is given; best in batches of some hundred.
 * Missing partitions are made. A row the database refuses is singled out and reported, the others are written.
 *
 * @throws what the database throws where no row is at fault (unreachable, timed out, …): give them again later.
 */
export async function insertOutcomes(sql: postgres.Sql, outcomes: readonly Outcome[]): Promise<InsertOutcomesResult> {
  const rows: Row[] = []
  const rejected: RejectedOutcome[] = []
  for (const outcome of outcomes) {
    try {
      rows.push(toRow(outcome))
    } catch (error) {
      rejected.push({ outcome, error: toError(error) })
    }
  }
  const written = await insertSplitting(sql, rows)
  return { inserted: written.inserted, rejected: [...rejected, ...written.rejected] }
}

function toRow(outcome: Outcome): Row {
  if (!(outcome.createdAtMs >= EARLIEST_MS && outcome.createdAtMs < LATEST_MS)) {
    throw new RangeError(`createdAtMs ${outcome.createdAtMs} is not a time a request can have begun`)
  }
  return { outcome, cells: OUTCOME_COLUMNS.map(({ value }) => value(outcome)) }
}

/** Halves the batch until what is refused stands alone. */
async function insertSplitting(sql: postgres.Sql, rows: readonly Row[]): Promise<InsertOutcomesResult> {
  const [first] = rows
  if (!first) return { inserted: 0, rejected: [] }
  try {
    return { inserted: await insertWithPartitions(sql, rows), rejected: [] }
  } catch (error) {
    if (!isFaultOfRow(error)) throw error
    if (rows.length === 1) return { inserted: 0, rejected: [{ outcome: first.outcome, error: toError(error) }] }
  }
  const middle = rows.length >> 1
  const left = await insertSplitting(sql, rows.slice(0, middle))
  const right = await insertSplitting(sql, rows.slice(middle))
  return { inserted: left.inserted + right.inserted, rejected: [...left.rejected, ...right.rejected] }
}

async function insertWithPartitions(sql: postgres.Sql, rows: readonly Row[]): Promise<number> {
  try {
    return await insert(sql, rows)
  } catch (error) {
    if (!isMissingPartition(error)) throw error
    await ensurePartitionsFor(
      sql,
      rows.map(({ outcome }) => new Date(outcome.createdAtMs)),
    )
    return await insert(sql, rows)
  }
}

async function insert(sql: postgres.Sql, rows: readonly Row[]): Promise<number> {
  const arrays = OUTCOME_COLUMNS.map((_, index) => arrayLiteral(rows.map(({ cells }) => cells[index] ?? null)))
  const result = await sql.unsafe(INSERT, arrays, { prepare: true })
  return result.count
}

/** `check_violation`: the table has no checks of its own, only the bounds of its partitions. */
function isMissingPartition(error: unknown): boolean {
  return error instanceof postgres.PostgresError && error.code === '23514'
}

/** Data exceptions (22), violated constraints (23), program limits such as an index entry's size (54). */
function isFaultOfRow(error: unknown): boolean {
  return error instanceof postgres.PostgresError && /^(22|23|54)/.test(error.code)
}

function toError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error))
}
