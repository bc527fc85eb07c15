import { ERROR_CLASSES, type FailureCode } from '@turnpike/core/ops/classify'
import { attemptFailure, type EndedRequest } from '@turnpike/core/ops/ended-request'
import { familyText, type Sample, TimeBuckets } from './exposition.ts'

/** Combinations of provider, group, account, model and endpoint that are told apart; requests of more are `other`. */
export const MAX_LABEL_SETS = 500
const OTHER = 'other'
const NONE = ''
const MAX_LABEL_CHARS = 120
const SECONDS = [0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20, 30, 60, 120, 300]
const GATEWAY_SECONDS = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1]

type TupleLabels = Record<'provider' | 'group' | 'account' | 'model' | 'endpoint', string>

/** What was counted under one combination. */
interface Cell {
  labels: TupleLabels
  ends: Map<string, { outcome: EndedRequest['outcome']; code: FailureCode | null; count: number }>
  attempts: Map<FailureCode | null, number>
  durations: TimeBuckets
  firstTokens: TimeBuckets
  gatewayTimes: TimeBuckets
  tokens: { input: number; cached_input: number; output: number }
}

/**
 * Counts every request under its labels. prom-client makes a text of all labels for each number it counts, a dozen times a
 * request; here they are looked up once, and text is made when somebody reads.
 */
export function createRequestCounts({ providerOf }: { providerOf(accountId: number): string | null }) {
  const cells = new Map<string, Cell>()
  const other = emptyCell({ provider: OTHER, group: OTHER, account: OTHER, model: OTHER, endpoint: OTHER })

  function count(ended: EndedRequest): void {
    const cell = cellOf(ended, ended.accountId)
    const { times, usage } = ended
    countEnd(cell, ended)
    if (times !== null) {
      cell.durations.observe(times.latencyMs / 1000)
      if (times.ttftMs !== null) cell.firstTokens.observe(times.ttftMs / 1000)
      if (times.gatewayMs !== null) cell.gatewayTimes.observe(times.gatewayMs / 1000)
    }
    cell.tokens.input += usage.inputTokens
    cell.tokens.cached_input += usage.cachedInputTokens
    cell.tokens.output += usage.outputTokens
    for (const attempt of ended.attempts) {
      const { attempts } = attempt.accountId === ended.accountId ? cell : cellOf(ended, attempt.accountId)
      const code = attemptFailure(attempt)
      attempts.set(code, (attempts.get(code) ?? 0) + 1)
    }
  }

  function cellOf({ groupId, model, endpoint }: EndedRequest, accountId: number | null): Cell {
    const provider = (accountId === null ? null : providerOf(accountId)) ?? NONE
    const name = `${provider}\n${groupId ?? NONE}\n${accountId ?? NONE}\n${endpoint ?? NONE}\n${model ?? NONE}`
    return cells.get(name) ?? addCell(name, { provider, groupId, accountId, model, endpoint })
  }

  function addCell(
    name: string,
    {
      provider,
      groupId,
      accountId,
      model,
      endpoint,
    }: Pick<EndedRequest, 'groupId' | 'accountId' | 'model' | 'endpoint'> & { provider: string },
  ): Cell {
    if (cells.size >= MAX_LABEL_SETS) return other
    const cell = emptyCell({
      provider,
      group: String(groupId ?? NONE),
      account: String(accountId ?? NONE),
      model: (model ?? NONE).slice(0, MAX_LABEL_CHARS),
      endpoint: endpoint ?? NONE,
    })
    cells.set(name, cell)
    return cell
  }

  /** Everything in Prometheus' text format. */
  function text(): string {
    const all = [...cells.values(), other]
    const each = (samples: (cell: Cell) => Sample[]) => all.flatMap(samples)
    return [
      familyText(
        { name: 'turnpike_requests_total', help: 'Requests that ended, by how and by whose fault', type: 'counter' },
        each(endSamples),
      ),
      familyText(
        {
          name: 'turnpike_request_duration_seconds',
          help: 'From the request line to the end of the answer, of requests that reached an upstream',
          type: 'histogram',
        },
        each(({ labels, durations }) => durations.samples(labels)),
      ),
      familyText(
        {
          name: 'turnpike_time_to_first_token_seconds',
          help: 'From the request line to the first content',
          type: 'histogram',
        },
        each(({ labels, firstTokens }) => firstTokens.samples(labels)),
      ),
      familyText(
        { name: 'turnpike_gateway_seconds', help: 'What the gateway itself added', type: 'histogram' },
        each(({ labels, gatewayTimes }) => gatewayTimes.samples(labels)),
      ),
      familyText(
        { name: 'turnpike_tokens_total', help: 'Tokens; cached ones are part of the input', type: 'counter' },
        each(tokenSamples),
      ),
      familyText(
        {
          name: 'turnpike_upstream_attempts_total',
          help: 'Attempts, by what they failed by; no code: they answered',
          type: 'counter',
        },
        attemptSamples(all),
      ),
    ].join('\n')
  }

  return { count, text }
}

function emptyCell(labels: TupleLabels): Cell {
  return {
    labels,
    ends: new Map(),
    attempts: new Map(),
    durations: new TimeBuckets(SECONDS),
    firstTokens: new TimeBuckets(SECONDS),
    gatewayTimes: new TimeBuckets(GATEWAY_SECONDS),
    tokens: { input: 0, cached_input: 0, output: 0 },
  }
}

function countEnd({ ends }: Cell, { outcome, code }: EndedRequest): void {
  const name = code === null ? outcome : `${outcome} ${code}`
  const end = ends.get(name)
  if (end === undefined) ends.set(name, { outcome, code, count: 1 })
  else end.count++
}

function endSamples({ labels, ends }: Cell): Sample[] {
  return [...ends.values()].map(({ outcome, code, count }) => ({
    labels: { ...labels, outcome, code: code ?? NONE, owner: code === null ? NONE : ERROR_CLASSES[code].owner },
    value: count,
  }))
}

function tokenSamples({ labels, tokens }: Cell): Sample[] {
  return Object.entries(tokens)
    .filter(([, value]) => value > 0)
    .map(([kind, value]) => ({ labels: { ...labels, kind }, value }))
}

/** By provider and account only: cells differ in more than that. */
function attemptSamples(cells: readonly Cell[]): Iterable<Sample> {
  const samples = new Map<string, Sample>()
  for (const { labels, attempts } of cells) {
    const { provider, account } = labels
    for (const [code, count] of attempts) {
      const name = `${provider}\n${account}\n${code ?? NONE}`
      const sample = samples.get(name) ?? { labels: { provider, account, code: code ?? NONE }, value: 0 }
      sample.value += count
      samples.set(name, sample)
    }
  }
  return samples.values()
}
