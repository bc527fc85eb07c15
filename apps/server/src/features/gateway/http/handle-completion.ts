import type { IncomingMessage } from 'node:http'
import type { Call, Caller, Form } from '@turnpike/core/gateway/call'
import { instructedText } from '@turnpike/core/gateway/instructions'
import { relay } from '@turnpike/core/gateway/relay'
import { parseRequestBody, type RequestBody } from '@turnpike/core/gateway/request-body'
import type { Endpoint, WireProtocol } from '@turnpike/core/words'
import type { KeyRecord } from '../keys/key-store.ts'
import { answersInTokens } from './answers-in-tokens.ts'
import { contentSession } from './content-session.ts'
import { createHandler, enter, type Frame, type HandlerOptions, isCodex } from './handle-request.ts'
import { parseForm } from './multipart-form.ts'
import { decodeBody, readBody } from './read-body.ts'
import { clientRequestId, forwardedHeaders, sessionName, traceParentOf, userAgentOf } from './request-headers.ts'
import type { HttpResponder } from './responder.ts'

/** Every POST route: a request whose answer costs. `protocol` is null where it only passes through. */
export function createCompletionHandler(options: HandlerOptions, endpoint: Endpoint, protocol: WireProtocol | null) {
  const { ports, callerOf, maxBodyBytes } = options
  return createHandler(options, endpoint, serve)

  async function serve(request: IncomingMessage, responder: HttpResponder, frame: Frame): Promise<void> {
    let call: Call
    try {
      call = await readCall(request, responder, frame)
    } catch (error) {
      // What is refused here never becomes a request with an outcome.
      frame.refused(error)
      throw error
    }
    using answer = await relay(call, ports)
    await answer.deliver(responder)
  }

  /** Authentication and the checks of the body. */
  async function readCall(request: IncomingMessage, responder: HttpResponder, frame: Frame): Promise<Call> {
    const { key, address } = await enter(request, frame, options)
    responder.setKey(key)
    const received = await readBody(request, maxBodyBytes)
    const bodyReadAt = ports.clock.monotonic()
    const { bytes, body, form } = instructed(checkedAs(endpoint, received, request), request, key)
    frame.known.model = body.model
    frame.known.stream = body.stream
    if (body.stream && mayKeepAlive()) responder.expectStream(protocol ?? 'chat')
    const caller = callerOf.relayCaller(key)
    const { requestId, startedAt, client } = frame
    return {
      requestId,
      startedAt,
      client,
      clientRequestId: clientRequestId(request.headers),
      createdAtMs: timeOf(frame.requestId),
      bodyReadAt,
      endpoint,
      protocol,
      body,
      bytes,
      form,
      headers: forwardedHeaders(request.headers),
      session: sessionName(request.headers, body.promptCacheKey) ?? ownSession(caller, body),
      caller,
      clientIp: address,
      userAgent: userAgentOf(request),
      traceParent: traceParentOf(request.headers),
    }
  }

  /** Whether what answers a wish for a stream is one for sure: a sign of life must not come before a picture. */
  function mayKeepAlive(): boolean {
    return protocol !== null || endpoint === '/v1/completions'
  }

  /** What the group wants said to the model; clients of the Codex family bring their own. */
  function instructed(asked: CheckedBody, request: IncomingMessage, key: KeyRecord): CheckedBody {
    if (protocol !== 'responses') return asked
    const { instructions } = callerOf.group(key)
    if (instructions.mode === 'off' || isCodex(request, options)) return asked
    const text = instructedText(asked.body, instructions)
    return text === null ? asked : checked(Buffer.from(text))
  }

  function ownSession({ group }: Caller, body: RequestBody): string | null {
    return protocol !== null && group.stickiness === 'content' ? contentSession(body.readJson()) : null
  }
}

interface CheckedBody {
  bytes: Buffer
  body: RequestBody
  form: Form | null
}

function checkedAs(endpoint: Endpoint, bytes: Buffer, request: IncomingMessage): CheckedBody {
  if (endpoint === '/v1/audio/transcriptions') return { bytes, ...parseForm(bytes, request.headers['content-type']) }
  const asked = checked(bytes)
  return answersInTokens(endpoint) ? asked : { ...asked, body: { ...asked.body, maxOutputTokens: 0 } }
}

function checked(bytes: Buffer): CheckedBody {
  return { bytes, body: parseRequestBody(decodeBody(bytes), () => decodeBody(bytes)), form: null }
}

/** The 48-bit time at the front of a UUIDv7, ms since the epoch. */
function timeOf(uuid: string): number {
  return Number.parseInt(uuid.slice(0, 8) + uuid.slice(9, 13), 16)
}
