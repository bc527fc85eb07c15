import {
  type Attributes,
  type Context,
  ROOT_CONTEXT,
  SpanKind,
  SpanStatusCode,
  type Tracer,
  trace,
} from '@opentelemetry/api'
import type { AttemptRecord } from '@turnpike/core/gateway/outcome'
import { apiTypeOf, operationOf, providerNameOf } from './gen-ai.ts'
import { attemptErrorOf, errorTypeOf, type ToldRequest } from './told-request.ts'
import { parseTraceParent } from './trace-parent.ts'

interface SpanOptions {
  tracer: Tracer
  providerOf(accountId: number): string | null
}

/**
 * The spans of a request that ended, by the semantic conventions for HTTP and generative AI: the server's own, and one of a
 * client for each attempt. Tokens stand on the attempt that answered, and nowhere twice.
 */
export function makeSpans(told: ToldRequest, { tracer, providerOf }: SpanOptions): void {
  const { ended, createdAtMs, totalMs } = told
  const errorType = errorTypeOf(told)
  const span = tracer.startSpan(
    ended.endpoint === null ? 'HTTP' : `POST ${ended.endpoint}`,
    { kind: SpanKind.SERVER, startTime: createdAtMs, attributes: requestAttributes(told, errorType) },
    parentOf(told.traceParent),
  )
  // HTTP's conventions: what the caller did wrong is no error of the server.
  if (ended.status >= 500) span.setStatus({ code: SpanStatusCode.ERROR })
  const parent = trace.setSpan(ROOT_CONTEXT, span)
  for (const [index, attempt] of told.attempts.entries()) makeAttemptSpan(attempt, index)
  span.end(createdAtMs + totalMs)

  function makeAttemptSpan(attempt: AttemptRecord, index: number): void {
    const operation = operationOf(ended.endpoint) ?? 'request'
    const failure = attemptErrorOf(attempt)
    const isLast = index === told.attempts.length - 1
    const child = tracer.startSpan(
      told.upstreamModel === null ? operation : `${operation} ${told.upstreamModel}`,
      {
        kind: SpanKind.CLIENT,
        startTime: attempt.startedAtMs,
        attributes: {
          ...modelAttributes(told, providerOf(attempt.accountId)),
          'gen_ai.request.model': told.upstreamModel ?? undefined,
          'http.response.status_code': attempt.status ?? undefined,
          'error.type': failure,
          'turnpike.account.id': attempt.accountId,
          'turnpike.attempt': index + 1,
          ...(isLast && failure === undefined ? answerAttributes(told) : {}),
        },
      },
      parent,
    )
    if (failure !== undefined) child.setStatus({ code: SpanStatusCode.ERROR })
    child.end(attempt.startedAtMs + attempt.durationMs)
  }
}

function requestAttributes(told: ToldRequest, errorType: string | undefined): Attributes {
  const { ended } = told
  return {
    'http.request.method': ended.endpoint === null ? undefined : 'POST',
    'http.route': ended.endpoint ?? undefined,
    'http.response.status_code': ended.status,
    'error.type': errorType,
    'gen_ai.operation.name': operationOf(ended.endpoint),
    'gen_ai.request.model': ended.model ?? undefined,
    'gen_ai.request.stream': told.stream ?? undefined,
    'turnpike.request.id': told.requestId,
    'turnpike.outcome': ended.outcome,
    'turnpike.user.id': ended.userId ?? undefined,
    'turnpike.key.id': ended.keyId ?? undefined,
    'turnpike.group.id': ended.groupId ?? undefined,
    'turnpike.gateway_ms': ended.times?.gatewayMs ?? undefined,
  }
}

function modelAttributes({ ended }: ToldRequest, provider: string | null): Attributes {
  return {
    'gen_ai.operation.name': operationOf(ended.endpoint),
    'gen_ai.provider.name': providerNameOf(provider),
    'openai.api.type': apiTypeOf(ended.endpoint),
  }
}

function answerAttributes(told: ToldRequest): Attributes {
  const { usage, times } = told.ended
  const ttftMs = times?.ttftMs ?? null
  return {
    'gen_ai.response.id': told.upstreamResponseId ?? undefined,
    'gen_ai.response.time_to_first_chunk': ttftMs === null ? undefined : ttftMs / 1_000,
    'gen_ai.usage.input_tokens': usage.inputTokens,
    'gen_ai.usage.output_tokens': usage.outputTokens,
    'gen_ai.usage.cache_read.input_tokens': usage.cachedInputTokens,
    'gen_ai.usage.cache_creation.input_tokens': told.cacheWriteTokens,
    'gen_ai.usage.reasoning.output_tokens': told.reasoningTokens,
    'openai.response.service_tier': told.serviceTier ?? undefined,
  }
}

function parentOf(traceParent: string | null): Context {
  const remote = parseTraceParent(traceParent)
  return remote === null ? ROOT_CONTEXT : trace.setSpanContext(ROOT_CONTEXT, remote)
}
