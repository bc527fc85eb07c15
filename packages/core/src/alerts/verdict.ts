import type { DeliveryOutcome } from '../ops/words.ts'
import type { ChannelTemplate } from './words.ts'

/** What becomes of a message after a try: done, tried again, given up, or given up with its whole channel. */
export type Verdict =
  | { outcome: 'ok' }
  | { outcome: Exclude<DeliveryOutcome, 'ok'>; next: 'retry' | 'dead' | 'disable' }

/** Client errors that pass by themselves (alerts.md, "Delivery"). */
const PASSING = [408, 425, 429]

/** What a receiver's status and (for chats that say "200" to everything) its body mean. */
export function verdictOf(template: ChannelTemplate, status: number, body: string): Verdict {
  if (status >= 200 && status < 300) return verdictOfBody(template, body)
  if (status === 410) return { outcome: 'gone', next: 'disable' }
  if (status === 429) return { outcome: 'rate_limited', next: 'retry' }
  if (status >= 400 && status < 500) {
    return { outcome: 'client_error', next: PASSING.includes(status) ? 'retry' : 'dead' }
  }
  return { outcome: status >= 300 && status < 400 ? 'redirect' : 'server_error', next: 'retry' }
}

/**
 * Codes by which chats refuse inside a 200. What sends too fast passes; any other refusal (a wrong token, a wrong keyword)
 * does not. Feishu: https://open.feishu.cn/document/client-docs/bot-v3/add-custom-bot; DingTalk:
 * https://open.dingtalk.com/document/orgapp/custom-robots-send-group-messages; WeCom:
 * https://developer.work.weixin.qq.com/document/path/91770.
 */
const CHATS: Partial<Record<ChannelTemplate, { member: string; tooFast: readonly number[] }>> = {
  feishu: { member: 'code', tooFast: [9499, 11232] },
  dingtalk: { member: 'errcode', tooFast: [130101, 660026] },
  wecom: { member: 'errcode', tooFast: [45009, 45033] },
}

function verdictOfBody(template: ChannelTemplate, body: string): Verdict {
  const chat = CHATS[template]
  if (chat === undefined) return { outcome: 'ok' }
  const code = codeIn(body, chat.member)
  if (code === 0) return { outcome: 'ok' }
  if (code === null) return { outcome: 'server_error', next: 'retry' }
  if (chat.tooFast.includes(code)) return { outcome: 'rate_limited', next: 'retry' }
  return { outcome: 'rejected', next: 'dead' }
}

/** Null where the answer is not one of such a chat. */
function codeIn(body: string, member: string): number | null {
  try {
    const code: unknown = Object(JSON.parse(body))[member]
    return typeof code === 'number' ? code : null
  } catch {
    // A proxy's page or half an answer: nobody knows whether the message arrived.
    return null
  }
}
