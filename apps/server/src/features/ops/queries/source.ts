import { type Due, type Segment, type Span, STEP_MS, STEPS, type Step, segmentsOf } from '@turnpike/core/ops/window'
import {
  type Dimension,
  type DueStep,
  ROLL_UPS,
  SINGLE_DIMENSIONS,
  SINGLE_STEPS,
  type SingleDimension,
} from '@turnpike/core/ops/words'
import { ROW_COLUMNS } from '@turnpike/db'
import type { Sql } from 'postgres'
import { AppError } from '../../../shared/app-error.ts'
import { ledgerSource } from './ledger-source.ts'
import type { Fragment, StatFilters } from './statement.ts'

const TABLES: Readonly<Record<Step, string>> = {
  day: 'ops_dimension_stats_daily',
  hour: 'ops_dimension_stats_hourly',
  minute: 'ops_dimension_stats',
  bucket: 'ops_buckets',
}

const MAX_LEDGER_DAYS = 7
/** Segments of one step that are asked for one by one. */
const MAX_PARTS = 8

export interface Source {
  /** A table expression: rows of counts with `bucket` and `length_ms`, of the span and filters that were asked for. */
  rows: Fragment
  /** The steps that are read. */
  segments: Segment[]
}

/**
 * Where the numbers of a span are: the coarsest stored rows that answer for exactly it. A user or a key beside other filters
 * is answered from the ledger, which knows no refusals. `dimension` is what the rows tell of; `coarsest` bounds their length.
 */
export async function sourceOf(
  sql: Sql,
  span: Span,
  asked: StatFilters,
  { dimension, coarsest = 'day' }: { dimension: Dimension; coarsest?: Step },
): Promise<Source> {
  const filters = onlyFilters(asked)
  if (isForLedger(dimension, filters)) return { rows: fromLedger(sql, span, filters), segments: [] }
  const due = await dueIn(sql, span)
  const segments = segmentsOf(span, due.rollUps, coarsest)
  const parts = STEPS.flatMap((step) => {
    const own = segments.filter((segment) => segment.step === step)
    const { singles, others } = isSingle(dimension) ? dividedBySingles(own, due.singles) : { singles: own, others: [] }
    return [
      ...partsOf(sql, step, singles, conditions(sql, dimension, filters)),
      ...partsOf(sql, step, others, conditions(sql, 'tuple', filters)),
    ]
  })
  const [first = emptyPart(sql), ...others] = parts
  const rows = others.reduce((all, part) => sql`${all} union all ${part}`, first)
  return { rows, segments }
}

/** The same without filters, for whoever asks about every row of a dimension. */
export function createCountsSource(sql: Sql) {
  return (span: Span, dimension: Dimension, coarsest: Step): Promise<Source> =>
    sourceOf(sql, span, {}, { dimension, coarsest })
}

/** Stored rows of people are told apart by nothing else, and those of tuples not by people. */
function isForLedger(dimension: Dimension, filters: StatFilters): boolean {
  const by = personFilter(filters)
  if (by !== null) return by === 'ledger' || dimension !== by
  return (dimension === 'user' || dimension === 'key') && Object.values(filters).some((value) => value !== undefined)
}

/** Whether filters name a person, and whether stored rows can tell of him: `user` or `key` alone they can. */
function personFilter({ userId, keyId, ...tuple }: StatFilters): 'user' | 'key' | 'ledger' | null {
  if (userId === undefined && keyId === undefined) return null
  const isAlone = Object.values(tuple).every((value) => value === undefined)
  if (!isAlone || (userId !== undefined && keyId !== undefined)) return 'ledger'
  return userId === undefined ? 'key' : 'user'
}

/** The dimension that answers for these filters with the fewest rows, where requests are not told apart. */
export function dimensionOf(filters: StatFilters): Dimension {
  const by = personFilter(onlyFilters(filters))
  return by === 'user' || by === 'key' ? by : timedDimensionOf(filters)
}

/** The same where times are asked for, which are not kept of people. */
export function timedDimensionOf(filters: StatFilters): 'tuple' | 'all' | SingleDimension {
  const [first, ...others] = namedBy(filters)
  if (first === undefined) return 'all'
  return others.length === 0 ? first : 'tuple'
}

/** The dimension that tells requests of these filters apart by one of its values with the fewest rows. */
export function groupedDimensionOf(groupBy: SingleDimension, filters: StatFilters): 'tuple' | SingleDimension {
  return namedBy(filters).every((name) => name === groupBy) ? groupBy : 'tuple'
}

/** Dimensions that filters name a value of; `tuple` for what has no rows of its own. */
function namedBy(filters: StatFilters): ('tuple' | SingleDimension)[] {
  const { provider, groupId, accountId, model, endpoint, userId, keyId } = filters
  const values = { provider, group: groupId, account: accountId, model, endpoint }
  const singles = SINGLE_DIMENSIONS.filter((name) => values[name] !== undefined)
  return userId === undefined && keyId === undefined ? singles : [...singles, 'tuple']
}

/** Whatever else was asked beside them, such as a range, is no filter. */
function onlyFilters({ provider, groupId, accountId, model, endpoint, userId, keyId }: StatFilters): StatFilters {
  return { provider, groupId, accountId, model, endpoint, userId, keyId }
}

/** False where it would have to be read from more of the ledger than is read for a question. */
export function isTold(span: Span, filters: StatFilters, dimension: Dimension): boolean {
  return !isForLedger(dimension, onlyFilters(filters)) || !isTooLong(span)
}

function isTooLong({ fromMs, toMs }: Span): boolean {
  return toMs - fromMs > MAX_LEDGER_DAYS * STEP_MS.day
}

function fromLedger(sql: Sql, span: Span, filters: StatFilters): Fragment {
  if (isTooLong(span)) {
    throw new AppError('invalid_input', {
      field: 'from',
      message: 'A user or key beside another filter is answered for at most 7 days',
    })
  }
  return ledgerSource(sql, span, filters)
}

interface AllDue {
  rollUps: Due[]
  /** Roll-ups without rows of single dimensions, as `nameOf` names them. */
  singles: Set<string>
}

async function dueIn(sql: Sql, { fromMs, toMs }: Span): Promise<AllDue> {
  const rows = await sql<{ step: DueStep; bucket: Date }[]>`
    select step, bucket from ops_rollups_due
    where bucket > ${new Date(fromMs - STEP_MS.day)} and bucket < ${new Date(toMs)}`
  const due: AllDue = { rollUps: [], singles: new Set() }
  for (const { step: dueStep, bucket } of rows) {
    const atMs = bucket.getTime()
    const rollUp = ROLL_UPS.find((step) => step === dueStep)
    if (rollUp !== undefined) due.rollUps.push({ step: rollUp, atMs })
    const single = SINGLE_STEPS.find((step) => `${step}-singles` === dueStep)
    if (single !== undefined) due.singles.add(nameOf(single, atMs))
  }
  return due
}

function nameOf(step: Step, atMs: number): string {
  return `${step}${atMs}`
}

function isSingle(dimension: Dimension): dimension is SingleDimension {
  return (SINGLE_DIMENSIONS as readonly Dimension[]).includes(dimension)
}

/** Segments of one step, cut into what has rows of single dimensions and what is put together from those of tuples. */
function dividedBySingles(segments: readonly Segment[], due: ReadonlySet<string>) {
  const divided: Record<'singles' | 'others', Segment[]> = { singles: [], others: [] }
  for (const { step, fromMs, toMs } of segments) {
    if (!(SINGLE_STEPS as readonly Step[]).includes(step)) {
      divided.others.push({ step, fromMs, toMs })
      continue
    }
    for (let atMs = fromMs; atMs < toMs; atMs += STEP_MS[step]) {
      const part = divided[due.has(nameOf(step, atMs)) ? 'others' : 'singles']
      const last = part.at(-1)
      if (last?.toMs === atMs) last.toMs += STEP_MS[step]
      else part.push({ step, fromMs: atMs, toMs: atMs + STEP_MS[step] })
    }
  }
  return divided
}

/**
 * The rows of each segment by itself, so that the planner sees its bounds: it leaves out all other partitions, each of which
 * would cost it time, and knows how few rows there are. Where much is due there are too many for that.
 */
function partsOf(sql: Sql, step: Step, segments: readonly Segment[], where: Fragment): Fragment[] {
  if (segments.length > MAX_PARTS) return [lateralPart(sql, step, segments, where)]
  return segments.map(
    ({ fromMs, toMs }) => sql`
      select r.bucket, ${STEP_MS[step]}::bigint as length_ms, ${columns(sql)} from ${sql(TABLES[step])} as r
      where bucket >= ${new Date(fromMs)} and bucket < ${new Date(toMs)} and ${where}`,
  )
}

function lateralPart(sql: Sql, step: Step, segments: readonly Segment[], where: Fragment): Fragment {
  const froms = segments.map(({ fromMs }) => new Date(fromMs).toISOString())
  const tos = segments.map(({ toMs }) => new Date(toMs).toISOString())
  return sql`
    select r.bucket, ${STEP_MS[step]}::bigint as length_ms, ${columns(sql)}
    from unnest(${froms}::timestamptz[], ${tos}::timestamptz[]) as s (s_from, s_to)
    cross join lateral (
      select * from ${sql(TABLES[step])} where bucket >= s.s_from and bucket < s.s_to and ${where}) as r`
}

function emptyPart(sql: Sql): Fragment {
  return sql`select r.bucket, 0::bigint as length_ms, ${columns(sql)} from ops_buckets r where false`
}

function columns(sql: Sql): Fragment {
  return sql.unsafe(ROW_COLUMNS.map((name) => `r.${name}`).join(', '))
}

function conditions(sql: Sql, dimension: Dimension, filters: StatFilters): Fragment {
  const { provider, groupId, accountId, model, endpoint, userId, keyId } = filters
  return sql`dimension = ${dimension}
    ${provider === undefined ? sql`` : sql`and provider = ${provider}`}
    ${groupId === undefined ? sql`` : sql`and group_id = ${groupId}`}
    ${accountId === undefined ? sql`` : sql`and account_id = ${accountId}`}
    ${model === undefined ? sql`` : sql`and model = ${model}`}
    ${endpoint === undefined ? sql`` : sql`and endpoint = ${endpoint}`}
    ${userId === undefined ? sql`` : sql`and user_id = ${userId}`}
    ${keyId === undefined ? sql`` : sql`and key_id = ${keyId}`}`
}
