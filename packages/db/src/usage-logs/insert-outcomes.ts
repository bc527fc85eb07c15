import type { Outcome } from '@turnpike/core/gateway/outcome'
import postgres from 'postgres'
import { ensurePartitionsFor } from '../partitions.ts'
import { INSERT_OUTCOMES, QUARTER_SECONDS } from './outcome-columns.ts'
import { withdrawUsageRollups } from './roll-up-usage.ts'
import { type Charge, settleCharges } from './settle-charges.ts'

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

/** An outcome as JSON, as text or in UTF-8. */
type OutcomeJson = string | Buffer

/** A clock far off must not make partitions for ever. */
const EARLIEST_MS = Date.UTC(2020, 0)
const LATEST_MS = Date.UTC(2100, 0)

/**
 * Writes outcomes to the ledger, each at most once however often it is given; best in batches of some hundred. They are
 * given as the JSON that the journal holds: the database takes them apart, so that the gateway need not. `bootId` names the
 * life of the instance they were made in.
 * Missing partitions are made. What a new row is billed is charged in the same transaction; `timeZone` says when its day
 * began. A row the database refuses is singled out and reported, the others are written.
 *
 * @throws what the database throws where no row is at fault (unreachable, timed out, …): give them again later.
 */
export async function insertOutcomes(
  sql: postgres.Sql,
  outcomes: readonly OutcomeJson[],
  { timeZone = 'UTC', bootId = null }: { timeZone?: string; bootId?: string | null } = {},
): Promise<InsertOutcomesResult> {
  return insertSplitting({ sql, timeZone, bootId: bootId !== null && UUID.test(bootId) ? bootId : null }, outcomes)
}

interface Ledger {
  sql: postgres.Sql
  timeZone: string
  bootId: string | null
}

/** Halves the batch until what is refused stands alone. */
async function insertSplitting(ledger: Ledger, rows: readonly OutcomeJson[]): Promise<InsertOutcomesResult> {
  const [first] = rows
  if (first === undefined) return { inserted: 0, rejected: [] }
  try {
    return { inserted: await insertWithPartitions(ledger, rows), rejected: [] }
  } catch (error) {
    if (!isFaultOfRow(error)) throw error
    if (rows.length === 1) return { inserted: 0, rejected: [{ outcome: parse(first), error: toError(error) }] }
  }
  const middle = rows.length >> 1
  const left = await insertSplitting(ledger, rows.slice(0, middle))
  const right = await insertSplitting(ledger, rows.slice(middle))
  return { inserted: left.inserted + right.inserted, rejected: [...left.rejected, ...right.rejected] }
}

async function insertWithPartitions(ledger: Ledger, rows: readonly OutcomeJson[]): Promise<number> {
  try {
    return await insert(ledger, rows)
  } catch (error) {
    if (!isMissingPartition(error)) throw error
    await ensurePartitionsFor(ledger.sql, rows.map(timeOf))
    return await insert(ledger, rows)
  }
}

interface ChargedRows {
  billing: Charge['billing']
  userId: string
  keyId: string
  subscriptionId: string | null
  leases: string[] | null
  quarter: number
  rows: number
  billed: string
}

async function insert({ sql, timeZone, bootId }: Ledger, rows: readonly OutcomeJson[]): Promise<number> {
  return sql.begin(async (tx) => {
    const inserted = await tx.unsafe<ChargedRows[]>(INSERT_OUTCOMES, [arrayOf(rows), bootId], { prepare: true })
    const charges = inserted.map(toCharge)
    await settleCharges(tx, charges, timeZone)
    if (charges.length > 0)
      await withdrawUsageRollups(
        tx,
        charges.map(({ atMs }) => atMs),
      )
    return inserted.reduce((sum, charged) => sum + charged.rows, 0)
  })
}

function toCharge({ billing, userId, keyId, subscriptionId, leases, quarter, billed }: ChargedRows): Charge {
  return {
    billing,
    userId: Number(userId),
    keyId: Number(keyId),
    subscriptionId: subscriptionId === null ? null : Number(subscriptionId),
    leases: leases ?? [],
    billedNano: BigInt(billed),
    atMs: quarter * QUARTER_SECONDS * 1_000,
  }
}

function timeOf(json: OutcomeJson): Date {
  const { createdAtMs } = parse(json)
  if (!(createdAtMs >= EARLIEST_MS && createdAtMs < LATEST_MS)) {
    throw new ImpossibleTime(`createdAtMs ${createdAtMs} is not a time a request can have begun`)
  }
  return new Date(createdAtMs)
}

/** A journal's directory may have been renamed by hand. */
const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/

class ImpossibleTime extends RangeError {}

/** One JSON array in one piece of memory: pieces would have to be carried by the garbage collector until they are written. */
function arrayOf(rows: readonly OutcomeJson[]): string {
  const pieces = rows.flatMap((row, at) => [at === 0 ? OPEN : COMMA, Buffer.isBuffer(row) ? row : Buffer.from(row)])
  const array = Buffer.concat([...pieces, CLOSE]).toString()
  return UNSTORABLE.test(array) ? storable(array) : array
}

const OPEN = Buffer.from('[')
const COMMA = Buffer.from(',')
const CLOSE = Buffer.from(']')

/** Escapes of NUL and of halves of characters are JSON, but nothing that PostgreSQL's text could hold. */
const UNSTORABLE = /\\u(0000|d[89a-f])/i

function storable(json: string): string {
  return JSON.stringify(JSON.parse(json), (_, member: unknown) =>
    typeof member === 'string' ? member.replaceAll('\0', '').toWellFormed() : member,
  )
}

/** Safe because only outcomes are written as OutcomeJson. */
function parse(json: OutcomeJson): Outcome {
  const outcome: Outcome = JSON.parse(json.toString())
  return outcome
}

/** `check_violation`: the table has no checks of its own, only the bounds of its partitions. */
function isMissingPartition(error: unknown): boolean {
  return error instanceof postgres.PostgresError && error.code === '23514'
}

/** Data exceptions (22), violated constraints (23), program limits such as an index entry's size (54). */
function isFaultOfRow(error: unknown): boolean {
  if (error instanceof ImpossibleTime) return true
  return error instanceof postgres.PostgresError && /^(22|23|54)/.test(error.code)
}

function toError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error))
}
