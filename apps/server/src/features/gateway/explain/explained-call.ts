import type { Call, Caller } from '@turnpike/core/gateway/call'
import { BYTES_PER_TOKEN } from '@turnpike/core/gateway/estimate-tokens'
import { parseRequestBody, type RequestBody } from '@turnpike/core/gateway/request-body'
import type { OpsExplainRoute } from '@turnpike/core/inputs/explain-route'
import type { Endpoint, WireProtocol } from '@turnpike/core/words'
import { answersInTokens } from '../http/answers-in-tokens.ts'
import { sessionName } from '../http/request-headers.ts'

const PROTOCOLS: Partial<Record<Endpoint, WireProtocol>> = {
  '/v1/chat/completions': 'chat',
  '/v1/responses': 'responses',
}

/** The request that is asked about, as the relay would get it: with a body that says what was stated, and nobody waiting. */
export function explainedCall(asked: OpsExplainRoute, caller: Caller, nowMs: number): Call {
  const text = JSON.stringify(bodyOf(asked))
  const bytes = Buffer.from(text)
  const body = withoutIdleOutput(parseRequestBody(text), asked.endpoint)
  const { inputTokens } = asked
  return {
    requestId: '',
    startedAt: 0,
    bodyReadAt: 0,
    client: new AbortController().signal,
    clientRequestId: null,
    traceParent: null,
    createdAtMs: nowMs,
    endpoint: asked.endpoint,
    protocol: PROTOCOLS[asked.endpoint] ?? null,
    body,
    bytes,
    // What it is said to weigh, in place of what the body above does.
    form:
      inputTokens === undefined
        ? null
        : { contentType: 'application/json', inputBytes: inputTokens * BYTES_PER_TOKEN, withModel: () => bytes },
    headers: {},
    session: sessionName({}, body.promptCacheKey),
    caller,
    clientIp: asked.clientIp ?? '',
    userAgent: null,
  }
}

function withoutIdleOutput(body: RequestBody, endpoint: Endpoint): RequestBody {
  return answersInTokens(endpoint) ? body : { ...body, maxOutputTokens: 0 }
}

function bodyOf({ model, endpoint, session, previousResponseId, maxOutputTokens }: OpsExplainRoute) {
  const isChat = endpoint === '/v1/chat/completions'
  return {
    model,
    ...(isChat ? { messages: [] } : { input: '' }),
    prompt_cache_key: session,
    previous_response_id: previousResponseId,
    [isChat ? 'max_completion_tokens' : 'max_output_tokens']: maxOutputTokens,
  }
}
