import type { Attributes, Meter } from '@opentelemetry/api'
import { operationOf, providerNameOf } from './gen-ai.ts'
import { attemptErrorOf, errorTypeOf, type ToldRequest } from './told-request.ts'

/** Bounds that the semantic conventions for generative AI name. */
const DURATIONS = [0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92]
const FIRST_TOKENS = [0.001, 0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10]
const PER_TOKEN = [0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.75, 1, 2.5]
const TOKENS = [1, 4, 16, 64, 256, 1_024, 4_096, 16_384, 65_536, 262_144, 1_048_576, 4_194_304, 16_777_216, 67_108_864]

/** Counts what ends by the metrics of the semantic conventions: requests as their server, attempts as their client. */
export function createGenAiMetrics(meter: Meter, providerOf: (accountId: number) => string | null) {
  const requests = histogram('gen_ai.server.request.duration', 's', DURATIONS)
  const firstTokens = histogram('gen_ai.server.time_to_first_token', 's', FIRST_TOKENS)
  const perToken = histogram('gen_ai.server.time_per_output_token', 's', PER_TOKEN)
  const attempts = histogram('gen_ai.client.operation.duration', 's', DURATIONS)
  const tokens = histogram('gen_ai.client.token.usage', '{token}', TOKENS)

  function histogram(name: string, unit: string, explicitBucketBoundaries: number[]) {
    return meter.createHistogram(name, { unit, advice: { explicitBucketBoundaries } })
  }

  return function count(told: ToldRequest): void {
    const { ended, attempts: tries, upstreamModel } = told
    const operation = operationOf(ended.endpoint)
    // Addresses without a model are none of generative AI's.
    if (operation === undefined) return
    const own = { 'gen_ai.operation.name': operation, ...set('gen_ai.request.model', ended.model) }
    const errorType = set('error.type', errorTypeOf(told))
    const provider = set(
      'gen_ai.provider.name',
      ended.accountId === null ? undefined : providerNameOf(providerOf(ended.accountId)),
    )
    requests.record(told.totalMs / 1_000, { ...own, ...provider, ...errorType })
    const { inputTokens, outputTokens } = ended.usage
    if (errorType === NONE) countAnswer(ended.times, outputTokens, { ...own, ...provider })
    if (inputTokens > 0) tokens.record(inputTokens, { ...own, ...provider, 'gen_ai.token.type': 'input' })
    if (outputTokens > 0) tokens.record(outputTokens, { ...own, ...provider, 'gen_ai.token.type': 'output' })
    for (const attempt of tries) {
      attempts.record(attempt.durationMs / 1_000, {
        'gen_ai.operation.name': operation,
        ...set('gen_ai.request.model', upstreamModel),
        ...set('gen_ai.provider.name', providerNameOf(providerOf(attempt.accountId))),
        ...set('error.type', attemptErrorOf(attempt)),
      })
    }
  }

  /** Both are of answers that succeeded. */
  function countAnswer(times: ToldRequest['ended']['times'], outputTokens: number, labels: Attributes): void {
    const ttftMs = times?.ttftMs ?? null
    if (times === null || ttftMs === null) return
    firstTokens.record(ttftMs / 1_000, labels)
    if (outputTokens > 1) perToken.record((times.latencyMs - ttftMs) / 1_000 / (outputTokens - 1), labels)
  }
}

const NONE: Attributes = {}

function set(name: string, value: string | null | undefined): Attributes {
  return value === null || value === undefined ? NONE : { [name]: value }
}
