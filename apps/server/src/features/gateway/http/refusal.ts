import type { IncomingMessage } from 'node:http'
import type { GatewayError } from '@turnpike/core/gateway/errors'
import type { Refusal } from '@turnpike/core/ops/refusal'
import type { Endpoint } from '@turnpike/core/words'
import type { KeyRecord } from '../keys/key-store.ts'
import { clientRequestId, traceParentOf, userAgentOf } from './request-headers.ts'

/** What has been learnt of a request by the time it is turned away. */
export interface Known {
  endpoint: Endpoint | null
  key: KeyRecord | null
  address: string
  model: string | null
  stream: boolean | null
}

interface Moment {
  requestId: string
  /** Ms since the epoch. */
  nowMs: number
  totalMs: number
}

const MAX_PATH_CHARS = 512

export function refusalOf(request: IncomingMessage, known: Known, error: GatewayError, moment: Moment): Refusal {
  const { requestId, nowMs, totalMs } = moment
  const { key, address, endpoint, model, stream } = known
  const traceParent = traceParentOf(request.headers)
  return {
    requestId,
    clientRequestId: clientRequestId(request.headers),
    createdAtMs: Math.round(nowMs - totalMs),
    endedAtMs: Math.round(nowMs),
    code: error.code,
    endpoint,
    path: pathOf(request.url ?? ''),
    stream,
    model,
    userId: key?.userId ?? null,
    keyId: key?.keyId ?? null,
    groupId: key?.groupId ?? null,
    clientIp: address,
    userAgent: userAgentOf(request),
    totalMs,
    ...(traceParent === null ? {} : { traceParent }),
    cause: error.code === 'internal_error' ? error.cause : undefined,
  }
}

/** Without its query, which may hold a key. */
function pathOf(url: string): string {
  const end = url.indexOf('?')
  return url.slice(0, Math.min(end === -1 ? url.length : end, MAX_PATH_CHARS))
}
