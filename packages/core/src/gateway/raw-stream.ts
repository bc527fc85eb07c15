import type { EventReader } from './event-reader.ts'
import type { CallerStream } from './exchange.ts'
import type { SseSplitter } from './sse.ts'

/** Bytes that are no events, such as audio: every chunk goes through as it came. */
export function createRawSplitter(onChunk: (chunk: string) => void): SseSplitter {
  return {
    push(bytes) {
      onChunk(bytes)
      return true
    },
    rest: () => '',
    isInsideEvent: () => false,
  }
}

/** All of it is content, and its end is that of the transfer. */
export function createRawReader(): EventReader {
  let hasBegun = false
  return {
    read() {
      hasBegun = true
      return 'content'
    },
    ending: () => 'completed',
    usage: () => ({ kind: 'absent' }),
    responseId: () => null,
    serviceTier: () => null,
    errorEvent: (event) => event,
    errorCode: () => null,
    nextSequenceNumber: () => 0,
    hasVisibleOutput: () => hasBegun,
  }
}

/** No error can be told within such bytes. */
export const RAW_STREAM: CallerStream = {
  relay: (chunk) => chunk,
  end: () => '',
  upstreamError: (chunk) => chunk,
  error: () => null,
}
