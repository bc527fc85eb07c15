import { GATEWAY_ERRORS } from '@turnpike/core/gateway/errors'
import type { Outcome } from '@turnpike/core/gateway/outcome'
import { type EndedRequest, endedOutcome, endedRefusal } from '@turnpike/core/ops/ended-request'
import type { Refusal } from '@turnpike/core/ops/refusal'
import { Counter, collectDefaultMetrics, Gauge, Registry } from 'prom-client'
import type { ErrorLogStats } from '../errors/error-log.ts'
import { createRequestCounts } from './request-counts.ts'

const NANO_PER_DOLLAR = 1e9

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
  const requests = createRequestCounts({ providerOf })
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

  function count(ended: EndedRequest): void {
    requests.count(ended)
    if (ended.attempts.length > 1) switches.inc(ended.attempts.length - 1)
    costNano += BigInt(ended.costNano ?? 0)
    billedNano += BigInt(ended.billedNano)
  }

  return {
    record: (outcome: Outcome) => count(endedOutcome(outcome)),
    recordRefusal: (refusal: Refusal) =>
      count(endedRefusal({ ...refusal, status: GATEWAY_ERRORS[refusal.code].status })),
    contentType: registry.contentType,
    /** Everything as text. */
    text: async () => `${await registry.metrics()}\n${requests.text()}`,
  }
}

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
