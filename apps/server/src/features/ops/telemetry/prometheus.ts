import { GATEWAY_ERRORS } from '@turnpike/core/gateway/errors'
import type { Outcome } from '@turnpike/core/gateway/outcome'
import { ERROR_CLASSES } from '@turnpike/core/ops/classify'
import { attemptFailure, type EndedRequest, endedOutcome, endedRefusal } from '@turnpike/core/ops/ended-request'
import type { Refusal } from '@turnpike/core/ops/refusal'
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client'
import type { ErrorLogStats } from '../errors/error-log.ts'

/** Combinations of provider, group, account, model and endpoint that are told apart; requests of more are `other`. */
export const MAX_LABEL_SETS = 500
const OTHER = 'other'
const NONE = ''
const MAX_LABEL_CHARS = 120
const SECONDS = [0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20, 30, 60, 120, 300]
const GATEWAY_SECONDS = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1]
const NANO_PER_DOLLAR = 1e9
const TUPLE_LABELS = ['provider', 'group', 'account', 'model', 'endpoint'] as const

/** What is read at the moment somebody scrapes. */
export interface PrometheusGauges {
  inFlight: number
  openStreams: number
  waiters: number
  accountsAvailable: number
  accountsTotal: number
  heldSlots: number
  leakedSlots: number
  journalBytes: number
  ledgerStranded: number
  ledgerLost: number
  isDatabaseUp: boolean
  /** Null = none is used. */
  isRedisUp: boolean | null
  errors: ErrorLogStats
  /** Requests whose spans no collector took. */
  spansDropped: number
}

interface PrometheusOptions {
  instanceId: string
  version: string
  providerOf(accountId: number): string | null
  gauges(): PrometheusGauges
}

export type Prometheus = ReturnType<typeof createPrometheus>

/** Numbers of this instance in Prometheus' text format: fixed names and labels, never of a user, a key or a request. */
export function createPrometheus({ instanceId, version, providerOf, gauges }: PrometheusOptions) {
  const registry = new Registry()
  registers(registry, { instanceId, version, gauges })
  const requests = new Counter({
    name: 'turnpike_requests_total',
    help: 'Requests that ended, by how and by whose fault',
    labelNames: [...TUPLE_LABELS, 'outcome', 'code', 'owner'],
    registers: [registry],
  })
  const durations = new Histogram({
    name: 'turnpike_request_duration_seconds',
    help: 'From the request line to the end of the answer, of requests that reached an upstream',
    labelNames: TUPLE_LABELS,
    buckets: SECONDS,
    registers: [registry],
  })
  const firstTokens = new Histogram({
    name: 'turnpike_time_to_first_token_seconds',
    help: 'From the request line to the first content',
    labelNames: TUPLE_LABELS,
    buckets: SECONDS,
    registers: [registry],
  })
  const gatewayTimes = new Histogram({
    name: 'turnpike_gateway_seconds',
    help: 'What the gateway itself added',
    labelNames: TUPLE_LABELS,
    buckets: GATEWAY_SECONDS,
    registers: [registry],
  })
  const tokens = new Counter({
    name: 'turnpike_tokens_total',
    help: 'Tokens; cached ones are part of the input',
    labelNames: [...TUPLE_LABELS, 'kind'],
    registers: [registry],
  })
  const attempts = new Counter({
    name: 'turnpike_upstream_attempts_total',
    help: 'Attempts, by what they failed by; no code: they answered',
    labelNames: ['provider', 'account', 'code'],
    registers: [registry],
  })
  const switches = new Counter({
    name: 'turnpike_account_switches_total',
    help: 'Attempts beyond the first',
    registers: [registry],
  })
  let costNano = 0n
  let billedNano = 0n
  for (const [name, help, read] of [
    ['turnpike_cost_dollars_total', 'What the answers cost upstream', () => costNano],
    ['turnpike_billed_dollars_total', 'What was billed for them', () => billedNano],
  ] as const) {
    new Counter({
      name,
      help,
      registers: [registry],
      collect() {
        this.reset()
        this.inc(Number(read()) / NANO_PER_DOLLAR)
      },
    })
  }
  const known = new Set<string>()

  function count(ended: EndedRequest): void {
    const labels = labelsOf(ended, ended.accountId)
    const { outcome, code, times, usage } = ended
    const owner = code === null ? NONE : ERROR_CLASSES[code].owner
    requests.inc({ ...labels, outcome, code: code ?? NONE, owner })
    if (times !== null) {
      durations.observe(labels, times.latencyMs / 1000)
      if (times.ttftMs !== null) firstTokens.observe(labels, times.ttftMs / 1000)
      if (times.gatewayMs !== null) gatewayTimes.observe(labels, times.gatewayMs / 1000)
    }
    if (usage.inputTokens > 0) tokens.inc({ ...labels, kind: 'input' }, usage.inputTokens)
    if (usage.cachedInputTokens > 0) tokens.inc({ ...labels, kind: 'cached_input' }, usage.cachedInputTokens)
    if (usage.outputTokens > 0) tokens.inc({ ...labels, kind: 'output' }, usage.outputTokens)
    for (const attempt of ended.attempts) {
      const { provider, account } = labelsOf(ended, attempt.accountId)
      attempts.inc({ provider, account, code: attemptFailure(attempt) ?? NONE })
    }
    if (ended.attempts.length > 1) switches.inc(ended.attempts.length - 1)
    costNano += BigInt(ended.costNano ?? 0)
    billedNano += BigInt(ended.billedNano)
  }

  function labelsOf({ groupId, model, endpoint }: EndedRequest, accountId: number | null) {
    const labels = {
      provider: (accountId === null ? null : providerOf(accountId)) ?? NONE,
      group: groupId === null ? NONE : String(groupId),
      account: accountId === null ? NONE : String(accountId),
      model: (model ?? NONE).slice(0, MAX_LABEL_CHARS),
      endpoint: endpoint ?? NONE,
    }
    const set = Object.values(labels).join('\n')
    if (known.has(set)) return labels
    if (known.size >= MAX_LABEL_SETS) return OTHERS
    known.add(set)
    return labels
  }

  return {
    record: (outcome: Outcome) => count(endedOutcome(outcome)),
    recordRefusal: (refusal: Refusal) =>
      count(endedRefusal({ ...refusal, status: GATEWAY_ERRORS[refusal.code].status })),
    contentType: registry.contentType,
    /** Everything as text. */
    text: () => registry.metrics(),
  }
}

const OTHERS = { provider: OTHER, group: OTHER, account: OTHER, model: OTHER, endpoint: OTHER }

function registers(
  registry: Registry,
  { instanceId, version, gauges }: Pick<PrometheusOptions, 'instanceId' | 'version' | 'gauges'>,
): void {
  collectDefaultMetrics({ register: registry })
  new Gauge({
    name: 'turnpike_build_info',
    help: 'Always 1; what runs here',
    labelNames: ['version', 'instance'],
    registers: [registry],
  }).set({ version, instance: instanceId }, 1)
  for (const [name, help, read] of GAUGES) {
    new Gauge({
      name: `turnpike_${name}`,
      help,
      registers: [registry],
      collect() {
        const value = read(gauges())
        if (value !== null) this.set(value)
      },
    })
  }
  for (const [name, help, read] of COUNTS) {
    new Counter({
      name: `turnpike_${name}`,
      help,
      registers: [registry],
      collect() {
        this.reset()
        this.inc(read(gauges()))
      },
    })
  }
}

const GAUGES: readonly [string, string, (gauges: PrometheusGauges) => number | null][] = [
  ['in_flight', 'Requests that run', ({ inFlight }) => inFlight],
  ['open_streams', 'Answers that are being streamed', ({ openStreams }) => openStreams],
  ['waiters', 'Requests that wait for a slot', ({ waiters }) => waiters],
  ['accounts_available', 'Accounts that requests may be sent to now', ({ accountsAvailable }) => accountsAvailable],
  ['accounts', 'Accounts that are configured', ({ accountsTotal }) => accountsTotal],
  ['held_slots', 'Slots that requests hold', ({ heldSlots }) => heldSlots],
  ['journal_bytes', 'Records that are not in the ledger yet', ({ journalBytes }) => journalBytes],
  ['ledger_stranded', 'Ends that neither journal nor ledger took yet', ({ ledgerStranded }) => ledgerStranded],
  ['database_up', '1 = the database answers', ({ isDatabaseUp }) => Number(isDatabaseUp)],
  [
    'redis_up',
    '1 = Redis answers; absent where none is used',
    ({ isRedisUp }) => (isRedisUp === null ? null : Number(isRedisUp)),
  ],
]

const COUNTS: readonly [string, string, (gauges: PrometheusGauges) => number][] = [
  ['slot_leaks_total', 'Slots that were held by nobody', ({ leakedSlots }) => leakedSlots],
  ['ledger_lost_total', 'Ends that were lost', ({ ledgerLost }) => ledgerLost],
  ['errors_produced_total', 'Failures told to the error log', ({ errors }) => errors.produced],
  ['errors_stored_total', 'Failures with a row of their own', ({ errors }) => errors.stored],
  ['errors_folded_total', 'Failures in the count of another row', ({ errors }) => errors.folded],
  [
    'errors_dropped_total',
    'Failures that found no room',
    ({ errors: { dropped } }) => dropped.queueFull + dropped.database + dropped.closed,
  ],
  ['spans_dropped_total', 'Requests whose spans no OpenTelemetry collector took', ({ spansDropped }) => spansDropped],
]
