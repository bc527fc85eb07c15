import { JsonMetricsSerializer, JsonTraceSerializer } from '@opentelemetry/otlp-transformer'
import { resourceFromAttributes } from '@opentelemetry/resources'
import { AggregationTemporality, MeterProvider, PeriodicExportingMetricReader } from '@opentelemetry/sdk-metrics'
import { type ReadableSpan, type SpanProcessor, TracerProvider } from '@opentelemetry/sdk-trace'
import type { Diagnostics, Outcome } from '@turnpike/core/gateway/outcome'
import type { Refusal } from '@turnpike/core/ops/refusal'
import { within } from '../../../../shared/deadline.ts'
import { every } from '../../../../shared/every.ts'
import type { Log } from '../../../../shared/logger.ts'
import { type CollectorLineOptions, createCollectorLine } from './collector-line.ts'
import { createGenAiMetrics } from './gen-ai-metrics.ts'
import { makeSpans } from './spans.ts'
import { type ToldRequest, toldOutcome, toldRefusal } from './told-request.ts'

/** Requests whose spans wait for the collector; of more the newest are dropped, and counted. */
export const MAX_WAITING_REQUESTS = 2_048
/** Requests told in one delivery. */
const BATCH = 256
const DELIVER_MS = 10_000
const LAST_DELIVERY_MS = 3_000
const TRACES_EVERY_MS = 2_000
const METRICS_EVERY_MS = 15_000

export interface TelemetryOptions extends Pick<CollectorLineOptions, 'endpoint' | 'egress'> {
  instanceId: string
  version: string
  providerOf(accountId: number): string | null
  log: Log
  timings?: { tracesEveryMs?: number; metricsEveryMs?: number; deliverMs?: number; lastDeliveryMs?: number }
}

export type Telemetry = ReturnType<typeof openTelemetry>

/**
 * Traces and metrics for an OpenTelemetry collector. A request costs one place in a queue and a few counters; spans are made
 * of its outcome when they are sent. Metrics are cumulative, so a delivery that failed is made good by the next one.
 */
export function openTelemetry({
  endpoint,
  egress,
  instanceId,
  version,
  providerOf,
  log,
  timings = {},
}: TelemetryOptions) {
  const { tracesEveryMs = TRACES_EVERY_MS, metricsEveryMs = METRICS_EVERY_MS } = timings
  const { deliverMs = DELIVER_MS, lastDeliveryMs = LAST_DELIVERY_MS } = timings
  const line = createCollectorLine({ endpoint, egress, deliverMs })
  const resource = resourceFromAttributes({
    'service.name': 'turnpike',
    'service.version': version,
    'service.instance.id': instanceId,
  })
  const waiting: ToldRequest[] = []
  const made: ReadableSpan[] = []
  const tracer = new TracerProvider({ resource, spanProcessors: [collectInto(made)] }).getTracer('turnpike', version)
  const meters = new MeterProvider({
    resource,
    readers: [
      new PeriodicExportingMetricReader({
        exporter: metricExporter(),
        exportIntervalMillis: metricsEveryMs,
        exportTimeoutMillis: Math.min(deliverMs, metricsEveryMs),
      }),
    ],
  })
  const count = createGenAiMetrics(meters.getMeter('turnpike', version), providerOf)
  const told = { requests: 0, sent: 0, dropped: { queueFull: 0, refused: 0, closed: 0 } }
  /** Made and not taken yet: a second try tells the same spans, not others of the same requests. */
  let held: Batch | null = null
  let isFailing = false
  const loop = every(tracesEveryMs, sendWaiting, log)

  function record(request: ToldRequest): void {
    count(request)
    told.requests += 1
    if (waiting.length >= MAX_WAITING_REQUESTS) told.dropped.queueFull += 1
    else waiting.push(request)
  }

  async function sendWaiting(): Promise<void> {
    while (held !== null || waiting.length > 0) {
      held ??= makeBatch()
      if (!(await send(held))) return
      held = null
    }
  }

  function makeBatch(): Batch {
    const requests = waiting.splice(0, BATCH)
    for (const request of requests) makeSpans(request, { tracer, providerOf })
    const spans = made.splice(0)
    const json = spans.length === 0 ? null : (JsonTraceSerializer.serializeRequest(spans) ?? null)
    return { json, requests: requests.length }
  }

  /** False = the collector may take it later. */
  async function send({ json, requests }: Batch): Promise<boolean> {
    const kind = json === null ? 'taken' : await line.deliver('traces', json)
    noteWhether(kind === 'taken')
    if (kind === 'busy') return false
    if (kind === 'taken') told.sent += requests
    else told.dropped.refused += requests
    return true
  }

  function noteWhether(isTaken: boolean): void {
    if (isTaken === !isFailing) return
    isFailing = !isTaken
    if (isFailing)
      log.warn({}, 'the OpenTelemetry collector takes nothing; spans wait, and are dropped when too many do')
    else log.info({ dropped: told.dropped.queueFull }, 'the OpenTelemetry collector takes spans again')
  }

  function metricExporter() {
    return {
      export(
        metrics: Parameters<typeof JsonMetricsSerializer.serializeRequest>[0],
        done: (result: { code: number }) => void,
      ) {
        const json = JsonMetricsSerializer.serializeRequest(metrics)
        // A failed one is told by the next: SUCCESS keeps the library from writing to the console.
        if (json === undefined) return done({ code: 0 })
        void line.deliver('metrics', json).then(() => done({ code: 0 }))
      },
      forceFlush: () => Promise.resolve(),
      shutdown: () => Promise.resolve(),
      selectAggregationTemporality: () => AggregationTemporality.CUMULATIVE,
    }
  }

  return {
    record: (outcome: Outcome, diagnostics: Diagnostics) => record(toldOutcome(outcome, diagnostics)),
    recordRefusal: (refusal: Refusal) => record(toldRefusal(refusal)),
    /** requests = sent + dropped + waiting. */
    stats: () => ({ ...told, dropped: { ...told.dropped }, waiting: waiting.length + (held?.requests ?? 0) }),
    /** Sends what waits, as far as it can in its time; the rest is dropped and counted. */
    async close(): Promise<void> {
      const last = Promise.all([loop.stop().then(sendWaiting), meters.shutdown()])
      await within(lastDeliveryMs, last).catch((error: unknown) =>
        log.warn({ err: error }, 'the last spans and metrics could not be sent'),
      )
      line.close()
      await last.catch(() => undefined)
      told.dropped.closed += waiting.splice(0).length + (held?.requests ?? 0)
      held = null
    },
  }
}

interface Batch {
  /** Null = the traces that its requests belong to are not sampled. */
  json: Uint8Array | null
  requests: number
}

function collectInto(made: ReadableSpan[]): SpanProcessor {
  return {
    onStart() {},
    onEnd: (span) => made.push(span),
    forceFlush: () => Promise.resolve(),
    shutdown: () => Promise.resolve(),
  }
}
