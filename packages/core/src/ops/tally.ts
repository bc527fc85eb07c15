import { ERROR_CLASSES, type FailureCode } from './classify.ts'
import { attemptFailure, type EndedRequest } from './ended-request.ts'
import { createHistogram, type Histogram } from './histogram.ts'
import type { CountedDimension } from './words.ts'

/** Tuples told apart in one bucket; requests of more are counted together as `other` (ops.md, "ops_dimension_stats"). */
export const MAX_TUPLES = 2_000
/** Users, and keys, told apart in one bucket. */
export const MAX_PEOPLE = 10_000

/** What a row tells of; null = not known, or not told apart. */
export interface TupleValues {
  provider: string | null
  groupId: number | null
  accountId: number | null
  model: string | null
  endpoint: string | null
  userId: number | null
  keyId: number | null
  code: FailureCode | null
}

export interface Counts {
  requests: number
  successes: number
  /** Owned by provider or platform. */
  errors: number
  clientErrors: number
  businessLimited: number
  clientClosed: number
  http4xx: number
  http5xx: number
  timeouts: number
  upstream429: number
  upstream529: number
  attempts: number
  failedAttempts: number
  accountSwitches: number
  inputTokens: number
  cachedInputTokens: number
  outputTokens: number
  costNano: number
  billedNano: number
}

export interface TallyRow extends TupleValues, Counts {
  dimension: CountedDimension
  /** The values as one text: unique among the rows of a bucket. */
  tuple: string
  isOther: boolean
  latency: Histogram | null
  ttft: Histogram | null
  gateway: Histogram | null
}

interface TallyOptions {
  providerOf(accountId: number): string | null
  maxTuples?: number
  maxPeople?: number
}

export type Tally = ReturnType<typeof createTally>

/** Counts requests that ended, by what they were of. Sums are exact; see `EndedRequest` for what counts as a time. */
export function createTally({ providerOf, maxTuples = MAX_TUPLES, maxPeople = MAX_PEOPLE }: TallyOptions) {
  const rows = new Map<string, TallyRow>()
  const sizes: Record<CountedDimension, number> = { tuple: 0, error: 0, user: 0, key: 0, all: 0 }
  const bounds: Record<CountedDimension, number> = {
    tuple: maxTuples,
    error: maxTuples,
    user: maxPeople,
    key: maxPeople,
    all: 1,
  }
  let folded = 0

  function count(ended: EndedRequest): void {
    const { accountId, code, userId, keyId } = ended
    countRequest(tupleRow(ended, accountId), ended)
    countRequest(allRow(), ended)
    if (code !== null) countEnd(errorRow(ended, accountId, code), ended)
    if (userId !== null) countEnd(personRow('user', userId), ended)
    if (keyId !== null) countEnd(personRow('key', keyId), ended)
    for (const [at, attempt] of ended.attempts.entries()) countAttempt(ended, attempt, at === ended.attempts.length - 1)
  }

  function countAttempt(ended: EndedRequest, attempt: EndedRequest['attempts'][number], isLast: boolean): void {
    // What was the caller's own mistake, the upstream did not fail by.
    const code = isLast && ended.code === 'rejected_upstream' ? null : attemptFailure(attempt)
    countTry(tupleRow(ended, attempt.accountId), attempt.status, code)
    countTry(allRow(), attempt.status, code)
    if (code !== null) errorRow(ended, attempt.accountId, code).failedAttempts += 1
  }

  function tupleRow({ groupId, model, endpoint }: EndedRequest, accountId: number | null): TallyRow {
    const name = `tuple|${accountId ?? ''}|${groupId ?? ''}|${endpoint ?? ''}|${model ?? ''}`
    const known = rows.get(name)
    if (known !== undefined) return known
    return addRow('tuple', name, { ...NOBODY, provider: provider(accountId), groupId, accountId, model, endpoint })
  }

  function errorRow({ groupId, model, endpoint }: EndedRequest, accountId: number | null, code: FailureCode): TallyRow {
    const name = `error|${code}|${accountId ?? ''}|${groupId ?? ''}|${endpoint ?? ''}|${model ?? ''}`
    const known = rows.get(name)
    if (known !== undefined) return known
    return addRow('error', name, {
      ...NOBODY,
      provider: provider(accountId),
      groupId,
      accountId,
      model,
      endpoint,
      code,
    })
  }

  function personRow(dimension: 'user' | 'key', id: number): TallyRow {
    const name = `${dimension}|${id}`
    return rows.get(name) ?? addRow(dimension, name, { ...NOBODY, [dimension === 'user' ? 'userId' : 'keyId']: id })
  }

  function allRow(): TallyRow {
    return rows.get(ALL) ?? addRow('all', ALL, NOBODY)
  }

  function provider(accountId: number | null): string | null {
    return accountId === null ? null : providerOf(accountId)
  }

  function addRow(dimension: CountedDimension, name: string, values: TupleValues): TallyRow {
    if (sizes[dimension] >= bounds[dimension]) {
      folded += 1
      return otherRow(dimension, values.code)
    }
    sizes[dimension] += 1
    return add(name, emptyRow(dimension, name, values, false))
  }

  /** Of errors beyond the bound the code is still told: there are only so many. */
  function otherRow(dimension: CountedDimension, code: FailureCode | null): TallyRow {
    const name = `${dimension}|other|${code ?? ''}`
    return rows.get(name) ?? add(name, emptyRow(dimension, name, { ...NOBODY, code }, true))
  }

  function add(name: string, made: TallyRow): TallyRow {
    rows.set(name, made)
    return made
  }

  return {
    count,
    rows: (): TallyRow[] => [...rows.values()],
    /** How often something was counted as `other`. */
    folded: () => folded,
  }
}

/** Name of the row of all requests. */
const ALL = 'all|'

const NOBODY: TupleValues = {
  provider: null,
  groupId: null,
  accountId: null,
  model: null,
  endpoint: null,
  userId: null,
  keyId: null,
  code: null,
}

/** What the end of a request adds to a row; attempts are counted where they were made. */
function countEnd(row: TallyRow, { outcome, status, code, usage, costNano, billedNano }: EndedRequest): void {
  row.requests += 1
  if (outcome === 'completed' || outcome === 'incomplete') row.successes += 1
  else if (outcome === 'client_closed') row.clientClosed += 1
  else if (status >= 500) row.http5xx += 1
  else if (status >= 400) row.http4xx += 1
  if (code !== null) countOwner(row, code)
  row.inputTokens += usage.inputTokens
  row.cachedInputTokens += usage.cachedInputTokens
  row.outputTokens += usage.outputTokens
  row.costNano += costNano ?? 0
  row.billedNano += billedNano
}

function countRequest(row: TallyRow, ended: EndedRequest): void {
  countEnd(row, ended)
  if (ended.times !== null) countTimes(row, ended.times)
  row.accountSwitches += Math.max(ended.attempts.length - 1, 0)
}

function countTry(row: TallyRow, status: number | null, code: FailureCode | null): void {
  row.attempts += 1
  if (status === 429) row.upstream429 += 1
  if (status === 529) row.upstream529 += 1
  if (code !== null) row.failedAttempts += 1
}

function countTimes({ latency, ttft, gateway }: TallyRow, times: NonNullable<EndedRequest['times']>): void {
  latency?.record(times.latencyMs)
  if (times.ttftMs !== null) ttft?.record(times.ttftMs)
  if (times.gatewayMs !== null) gateway?.record(times.gatewayMs)
}

function countOwner(row: TallyRow, code: FailureCode): void {
  const { owner } = ERROR_CLASSES[code]
  if (owner === 'client') row.clientErrors += 1
  else if (owner === 'business') row.businessLimited += 1
  else row.errors += 1
  if (code === 'upstream_timeout' || code === 'upstream_stalled') row.timeouts += 1
}

function emptyRow(dimension: CountedDimension, tuple: string, values: TupleValues, isOther: boolean): TallyRow {
  const isTimed = dimension === 'tuple' || dimension === 'all'
  return {
    dimension,
    tuple,
    isOther,
    ...values,
    requests: 0,
    successes: 0,
    errors: 0,
    clientErrors: 0,
    businessLimited: 0,
    clientClosed: 0,
    http4xx: 0,
    http5xx: 0,
    timeouts: 0,
    upstream429: 0,
    upstream529: 0,
    attempts: 0,
    failedAttempts: 0,
    accountSwitches: 0,
    inputTokens: 0,
    cachedInputTokens: 0,
    outputTokens: 0,
    costNano: 0,
    billedNano: 0,
    latency: isTimed ? createHistogram() : null,
    ttft: isTimed ? createHistogram() : null,
    gateway: isTimed ? createHistogram() : null,
  }
}
