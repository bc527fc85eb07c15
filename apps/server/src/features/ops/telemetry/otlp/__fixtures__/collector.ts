import { listenHttp } from '../../../../../shared/egress/__fixtures__/listener.ts'

interface KeyValue {
  key: string
  value: { stringValue?: string; intValue?: number | string; doubleValue?: number; boolValue?: boolean }
}

export interface TakenSpan {
  traceId: string
  spanId: string
  parentSpanId?: string
  name: string
  kind: number
  startMs: number
  endMs: number
  isError: boolean
  attributes: Record<string, string | number | boolean>
}

export interface TakenPoint {
  count: number
  sum: number
  attributes: Record<string, string | number | boolean>
}

export interface Collector extends AsyncDisposable {
  /** What OTEL_EXPORTER_OTLP_ENDPOINT would hold. */
  endpoint: string
  spans: TakenSpan[]
  resources: Record<string, string | number | boolean>[]
  /** The newest state of each histogram, by name. */
  histograms: Map<string, TakenPoint[]>
  /** Everything that came, as text. */
  text(): string
  deliveries(): number
  /** What it answers from now on; 200 takes what comes. */
  answer(status: number): void
}

const ERROR = 2

/** An OpenTelemetry collector on loopback that takes OTLP in JSON. */
export async function startCollector(): Promise<Collector> {
  const spans: TakenSpan[] = []
  const resources: Collector['resources'] = []
  const histograms = new Map<string, TakenPoint[]>()
  let text = ''
  let deliveries = 0
  let status = 200
  const listener = await listenHttp((request, response) => {
    let body = ''
    request.setEncoding('utf8').on('data', (text: string) => {
      body += text
    })
    request.on('end', () => {
      deliveries += 1
      if (status === 200) take(request.url, body)
      response.writeHead(status, { 'content-type': 'application/json' }).end('{}')
    })
  })

  function take(path: string | undefined, body: string): void {
    text += body
    if (path === '/v1/traces') takeTraces(JSON.parse(body))
    if (path === '/v1/metrics') takeMetrics(JSON.parse(body))
  }

  function takeTraces({ resourceSpans }: TracesRequest): void {
    for (const { resource, scopeSpans } of resourceSpans) {
      resources.push(plain(resource.attributes))
      for (const span of scopeSpans.flatMap((scope) => scope.spans)) {
        spans.push({
          traceId: span.traceId,
          spanId: span.spanId,
          ...(span.parentSpanId ? { parentSpanId: span.parentSpanId } : {}),
          name: span.name,
          kind: span.kind,
          startMs: Number(BigInt(span.startTimeUnixNano) / 1_000n) / 1_000,
          endMs: Number(BigInt(span.endTimeUnixNano) / 1_000n) / 1_000,
          isError: span.status.code === ERROR,
          attributes: plain(span.attributes),
        })
      }
    }
  }

  function takeMetrics({ resourceMetrics }: MetricsRequest): void {
    for (const metric of resourceMetrics.flatMap(({ scopeMetrics }) =>
      scopeMetrics.flatMap((scope) => scope.metrics),
    )) {
      const points = metric.histogram?.dataPoints ?? []
      histograms.set(
        metric.name,
        points.map(({ count, sum, attributes }) => ({ count: Number(count), sum, attributes: plain(attributes) })),
      )
    }
  }

  return {
    endpoint: `http://127.0.0.1:${listener.port}`,
    spans,
    resources,
    histograms,
    text: () => text,
    deliveries: () => deliveries,
    answer(next) {
      status = next
    },
    [Symbol.asyncDispose]: () => listener[Symbol.asyncDispose](),
  }
}

interface TracesRequest {
  resourceSpans: {
    resource: { attributes: KeyValue[] }
    scopeSpans: {
      spans: {
        traceId: string
        spanId: string
        parentSpanId?: string
        name: string
        kind: number
        startTimeUnixNano: string
        endTimeUnixNano: string
        status: { code: number }
        attributes: KeyValue[]
      }[]
    }[]
  }[]
}

interface MetricsRequest {
  resourceMetrics: {
    scopeMetrics: {
      metrics: {
        name: string
        histogram?: { dataPoints: { count: number | string; sum: number; attributes: KeyValue[] }[] }
      }[]
    }[]
  }[]
}

function plain(attributes: KeyValue[]): Record<string, string | number | boolean> {
  return Object.fromEntries(
    attributes.map(({ key, value }) => [
      key,
      value.stringValue ?? value.boolValue ?? value.doubleValue ?? Number(value.intValue),
    ]),
  )
}
