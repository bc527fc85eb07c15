import { createHmac } from 'node:crypto'
import type { Message } from '@turnpike/core/alerts/message'
import { verdictOf } from '@turnpike/core/alerts/verdict'
import { webhookBody } from '@turnpike/core/alerts/webhook-body'
import { retryAfterMs } from '@turnpike/core/gateway/retry-after'
import type { WebhookConfig } from '@turnpike/core/inputs/alert-channels'
import { Webhook } from 'standardwebhooks'
import type { Dispatcher } from 'undici'
import { connectFailureOf } from '../../../shared/egress/connect-failure.ts'
import { EgressError } from '../../../shared/egress/egress-error.ts'
import { outcomeOfConnectFailure } from '../../../shared/mail/mail-failure.ts'
import type { WallClock } from '../../../shared/wall-clock.ts'
import type { Sent } from './sent.ts'

/** Opens connections to configured addresses, after checking where they lead. */
export interface WebhookEgress {
  checkUrl(url: string): Promise<void>
  poolFor(url: string, options: { connectMs: number }): Dispatcher
}

export interface WebhookTarget extends WebhookConfig {
  /** `whsec_…` of ours, or what the receiver gave. */
  secret: string
}

const CONNECT_MS = 5_000
const TOTAL_MS = 10_000
const MAX_ANSWER_BYTES = 64 * 1024

export type SendWebhook = ReturnType<typeof createSendWebhook>

interface SendWebhookOptions {
  egress: Pick<WebhookEgress, 'poolFor'>
  clock: WallClock
  totalMs?: number
}

/** Posts messages, signed, 10 s in all; every post is a connection of its own, judged and pinned. */
export function createSendWebhook({ egress, clock, totalMs = TOTAL_MS }: SendWebhookOptions) {
  return async function sendWebhook(target: WebhookTarget, message: Message): Promise<Sent> {
    const startedMs = clock.now()
    const deadline = AbortSignal.timeout(totalMs)
    const ended = (sent: Omit<Sent, 'latencyMs' | 'note'>): Sent => {
      return { ...sent, latencyMs: clock.now() - startedMs, note: null }
    }
    try {
      const body = JSON.stringify(bodyOf(target, message, startedMs))
      const answer = await post(target, { message, body, nowMs: startedMs, deadline })
      const verdict = verdictOf(target.template, answer.status, answer.body)
      const waitMs = retryAfterMs({ 'retry-after': answer.retryAfter }, '', clock.now())
      return ended({ verdict, status: answer.status, retryAfterMs: waitMs })
    } catch (error) {
      return ended({ verdict: verdictOfError(error, deadline), status: null, retryAfterMs: null })
    }
  }

  async function post(target: WebhookTarget, { message, body, nowMs, deadline }: Post): Promise<Answer> {
    const pool = egress.poolFor(target.url, { connectMs: CONNECT_MS })
    const { origin, pathname, search } = new URL(target.url)
    const answer = await pool.request({
      origin,
      path: `${pathname}${signedSearch(target, search, nowMs)}`,
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        'user-agent': 'Turnpike',
        ...signatureOf(target.secret, { id: message.id, body, nowMs }),
      },
      body,
      reset: true,
      signal: deadline,
    })
    const { 'retry-after': retryAfter } = answer.headers
    return { status: answer.statusCode, retryAfter, body: await firstBytes(answer.body) }
  }
}

interface Post {
  message: Message
  body: string
  nowMs: number
  deadline: AbortSignal
}

interface Answer {
  status: number
  retryAfter: string | string[] | undefined
  body: string
}

function verdictOfError(error: unknown, deadline: AbortSignal): Sent['verdict'] {
  // A refusal of the URL itself is for good; a name that leads inside today may lead elsewhere tomorrow.
  if (error instanceof EgressError && error.reason !== 'closed') return { outcome: 'unsafe_destination', next: 'dead' }
  const connecting = connectFailureOf(error)
  if (connecting !== null) return { outcome: outcomeOfConnectFailure(connecting), next: 'retry' }
  return { outcome: deadline.aborted ? 'timeout' : 'unreachable', next: 'retry' }
}

/** https://www.standardwebhooks.com. A secret that the receiver gave is used as the receiver says, not for this. */
function signatureOf(secret: string, { id, body, nowMs }: { id: string; body: string; nowMs: number }) {
  const timestamp = new Date(nowMs)
  return {
    'webhook-id': id,
    'webhook-timestamp': String(Math.floor(nowMs / 1_000)),
    ...(secret.startsWith(OWN_SECRET) && { 'webhook-signature': new Webhook(secret).sign(id, timestamp, body) }),
  }
}

export const OWN_SECRET = 'whsec_'

function bodyOf({ template, secret }: WebhookTarget, message: Message, nowMs: number): object {
  const body = webhookBody(template, message, secret)
  if (template !== 'feishu' || secret.startsWith(OWN_SECRET)) return body
  const timestamp = String(Math.floor(nowMs / 1_000))
  // https://open.feishu.cn/document/client-docs/bot-v3/add-custom-bot: the text to sign is the key, of nothing.
  const sign = createHmac('sha256', `${timestamp}\n${secret}`).digest('base64')
  return { timestamp, sign, ...body }
}

/** https://open.dingtalk.com/document/robots/customize-robot-security-settings: the signature is part of the query. */
function signedSearch({ template, secret }: WebhookTarget, search: string, nowMs: number): string {
  if (template !== 'dingtalk' || secret.startsWith(OWN_SECRET)) return search
  const sign = createHmac('sha256', secret).update(`${nowMs}\n${secret}`).digest('base64')
  const query = new URLSearchParams(search)
  query.set('timestamp', String(nowMs))
  query.set('sign', sign)
  return `?${query}`
}

/** What is beyond is not read: the connection ends with it. */
async function firstBytes(body: Dispatcher.ResponseData['body']): Promise<string> {
  const chunks: Buffer[] = []
  let size = 0
  try {
    for await (const chunk of body) {
      const bytes = Buffer.from(chunk)
      chunks.push(bytes.subarray(0, MAX_ANSWER_BYTES - size))
      size += bytes.length
      if (size >= MAX_ANSWER_BYTES) break
    }
  } catch {
    // The status has come: an answer cut short changes what it says only where its body is asked.
  }
  return Buffer.concat(chunks).toString('utf8')
}
