import type { OutcomeKind } from '../words.ts'
import { type Answer, type AnswerInput, answerHead, type Responder, rememberResponse } from './answer.ts'
import type { Opening, StreamBreak } from './attempt.ts'
import { ShuttingDown } from './client-left.ts'
import { conclude } from './conclude.ts'
import { createDeliveredText } from './delivered-text.ts'
import { GATEWAY_ERRORS, GatewayError, type GatewayErrorCode } from './errors.ts'
import type { EventKind } from './event-reader.ts'
import { type AttemptFailure, isQuotaCode, judgeFailure } from './failover.ts'
import { inputTokens, keepInputText } from './input-text.ts'
import { NO_USAGE, type TokenUsage } from './outcome.ts'
import type { Cancel } from './ports.ts'
import { RAW_STREAM } from './raw-stream.ts'
import type { Headers } from './retry-after.ts'
import { withoutClosingLine } from './sse.ts'
import { CLIENT_CLOSED, type Ending } from './story.ts'

/** After its caller left, a stream of a draining group is read on this long for its usage. */
export const DRAIN_MS = 30_000

const BREAKS: Record<StreamBreak, { kind: OutcomeKind; code: GatewayErrorCode }> = {
  cut: { kind: 'upstream_cut', code: 'upstream_invalid_response' },
  stalled: { kind: 'upstream_stalled', code: 'upstream_stalled' },
  timeout: { kind: 'upstream_stalled', code: 'upstream_timeout' },
  too_large: { kind: 'failed', code: 'upstream_too_large' },
}

/**
 * An open stream: events go through as they come, the outcome is written before the blank line that closes the last one.
 * Every stream ends with exactly one end: the upstream's own, or one error event of ours.
 */
export function createStreamAnswer(input: AnswerInput, opening: Opening & { kind: 'stream' }): Answer {
  const { story, candidate, exchange, ports, release } = input
  const { call } = story
  const { stream, status } = opening
  const { reader } = stream
  const told = stream.isRaw ? RAW_STREAM : exchange.stream(reader)
  const delivered = createDeliveredText(
    stream.isRaw ? rawText(opening.headers) : exchange.textMembers,
    ports.decodeUtf8,
  )
  let state: 'relaying' | 'draining' | 'closing' = 'relaying'
  const asked = keepInputText(call.body.readText())
  story.relayInAt = opening.openedAt
  // The request cannot be sent again, so its text need not be kept for the length of the stream.
  call.body = { ...call.body, readText: () => '', readJson: () => ({}) }
  call.bytes = new Uint8Array()
  call.form = null

  return {
    deliver: flow,
    [Symbol.dispose]() {
      // Once it is whole, the upstream gets its moment to end the transfer.
      if (state !== 'closing') stream.abort()
      release()
    },
  }

  function flow(responder: Responder): Promise<void> {
    const over = Promise.withResolvers<void>()
    const head = answerHead(input, status, opening.headers)
    let pending = ''
    let isRemembered = call.protocol !== 'responses'
    let cancelDrain: Cancel | null = null
    call.client.addEventListener('abort', onClientLeft)
    if (call.client.aborted) onClientLeft()
    stream.consume({ onEvent, onFlush, onEnd, onBreak })
    return over.promise

    function onEvent(event: string, kind: EventKind): void {
      if (state === 'closing') return
      if (state === 'draining') return afterClientLeft(kind)
      if (kind === 'extra_usage') return
      if (kind === 'end') return finish(told.end(event), reader.ending() ?? 'completed', null)
      if (kind === 'error') return failInStream(event)
      if (kind === 'content') delivered.add(event)
      pending += told.relay(event)
    }

    function onFlush(): void {
      if (pending === '' || state !== 'relaying') return
      const events = pending
      pending = ''
      if (!isRemembered) remember()
      const wantsMore = responder.write(events, head)
      noteWritten()
      if (wantsMore) return
      stream.pause()
      responder.whenDrained(() => stream.resume())
    }

    function remember(): void {
      isRemembered = reader.responseId() !== null
      if (isRemembered) rememberResponse(input, reader.responseId())
    }

    function noteWritten(): void {
      story.relayOutAt ??= ports.clock.monotonic()
      if (story.firstOutputAt !== null || !reader.hasVisibleOutput()) return
      story.firstOutputAt = ports.clock.monotonic()
      if (story.attempt) ports.accounts.observeTtft(candidate, story.firstOutputAt - story.attempt.startedAt)
    }

    function onEnd(): void {
      if (state === 'draining') return closeAfterClientLeft()
      if (state !== 'relaying') return
      const ending = reader.ending()
      if (ending === null) onBreak('cut')
      else finish(told.end(null), ending, null)
    }

    function onBreak(reason: StreamBreak): void {
      if (state === 'draining') return closeAfterClientLeft()
      if (state !== 'relaying') return
      const { kind, code } = BREAKS[reason]
      ports.accounts.report(candidate, { kind: 'broken' })
      finish(told.error(new GatewayError(code)), kind, code)
    }

    /** The upstream's own words, unless they would look to the caller like a fault of his. */
    function failInStream(event: string): void {
      const code = reader.errorCode()
      const { headers } = opening
      const failure: AttemptFailure = { kind: 'error_event', code, headers, event, preambles: [], reader }
      ports.accounts.report(candidate, judgeFailure(failure, ports.clock.now()).event)
      const last = isQuotaCode(code) ? told.error(new GatewayError('upstream_failed')) : told.upstreamError(event)
      finish(last, 'failed', 'upstream_failed')
    }

    function finish(lastEvents: string | null, kind: OutcomeKind, code: GatewayErrorCode | null): void {
      if (lastEvents === null) return breakOff(kind, code ?? 'upstream_failed')
      if (kind === 'completed' || kind === 'incomplete') ports.accounts.report(candidate, { kind: 'answered' })
      const [events, closingLine] = withoutClosingLine(pending + lastEvents)
      pending = ''
      if (!isRemembered) remember()
      responder.writeLast(events, head)
      noteWritten()
      const logicalStatus = code === null ? status : GATEWAY_ERRORS[code].status
      close(kind, logicalStatus, code, () => responder.end(closingLine))
    }

    /** What the caller has got must not look whole to him. */
    function breakOff(kind: OutcomeKind, code: GatewayErrorCode): void {
      const isBegun = story.relayOutAt !== null
      close(kind, GATEWAY_ERRORS[code].status, code, () => {
        if (isBegun) responder.cut()
        else responder.fail(new GatewayError(code))
      })
    }

    function onClientLeft(): void {
      if (state !== 'relaying') return
      if (call.client.reason instanceof ShuttingDown) {
        return finish(told.error(new GatewayError('overloaded')), 'failed', 'overloaded')
      }
      release()
      ports.accounts.report(candidate, { kind: 'inconclusive' })
      const isOutput = story.relayOutAt !== null
      if (!isOutput || call.caller.group.onDisconnect === 'cancel') {
        stream.abort()
        return closeAfterClientLeft()
      }
      state = 'draining'
      stream.resume()
      cancelDrain = ports.clock.after(DRAIN_MS, () => {
        stream.abort()
        closeAfterClientLeft()
      })
    }

    function afterClientLeft(kind: EventKind): void {
      if (kind === 'end' || kind === 'error') closeAfterClientLeft()
    }

    function closeAfterClientLeft(): void {
      close(CLIENT_CLOSED.kind, CLIENT_CLOSED.status, null, () => {})
    }

    /** Slots are free at once; the caller's last byte waits until the outcome is written. */
    function close(
      kind: OutcomeKind,
      logicalStatus: number,
      code: GatewayErrorCode | null,
      tellCaller: () => void,
    ): void {
      state = 'closing'
      cancelDrain?.()
      call.client.removeEventListener('abort', onClientLeft)
      stream.settle()
      release()
      endingOf(kind, logicalStatus, code)
        .then((ending) => conclude(story, ending, ports))
        .then(tellCaller)
        .then(over.resolve, over.reject)
    }
  }

  async function endingOf(kind: OutcomeKind, logicalStatus: number, code: GatewayErrorCode | null): Promise<Ending> {
    const reading = reader.usage()
    const given = reading.kind === 'given'
    const isDelivered = call.protocol === null ? story.firstOutputAt !== null : !delivered.isEmpty()
    return {
      kind,
      status: logicalStatus,
      errorCode: code,
      upstreamResponseId: reader.responseId(),
      serviceTier: reader.serviceTier(),
      usage: given ? reading.usage : await estimate(),
      estimated: !given,
      usageInvalid: reading.kind === 'invalid',
      priceRule: given ? 'usage' : isDelivered ? 'delivered' : 'nothing',
    }
  }

  async function estimate(): Promise<TokenUsage> {
    const [input, output] = await Promise.all([
      inputTokens(asked, ports.countTokens),
      delivered.tokens(ports.countTokens),
    ])
    return { ...NO_USAGE, inputTokens: input, outputTokens: output }
  }
}

/** Of bytes that are no events, only text has tokens that we could count. */
function rawText(headers: Headers): 'all' | 'none' {
  return String(headers['content-type'] ?? '').startsWith('text/') ? 'all' : 'none'
}
