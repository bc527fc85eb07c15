import { mailText } from '@turnpike/core/alerts/mail-text'
import type { Message } from '@turnpike/core/alerts/message'
import type { Verdict } from '@turnpike/core/alerts/verdict'
import type { Mailer, MailResult } from '../../../shared/mail/mailer.ts'
import type { WallClock } from '../../../shared/wall-clock.ts'
import type { Sent } from './sent.ts'

/** What mails take of the mailer. */
export type SendMailer = Pick<Mailer, 'send'>

export interface SentMail extends Sent {
  /** Recipients the server put off while it took others: they are tried again, the others are not. */
  left: string[]
}

/** One mail to all recipients that are left. */
export function createSendMail({ mailer, clock }: { mailer: SendMailer; clock: WallClock }) {
  return async function sendMail(to: readonly string[], message: Message): Promise<SentMail> {
    const startedMs = clock.now()
    const result = await mailer.send({ id: message.id, to, ...mailText(message) })
    return { ...judged(result), latencyMs: clock.now() - startedMs, retryAfterMs: null }
  }
}

/** Whoever was refused for good is told in the log of tries: there is no way to him, and the others have it. */
function judged(result: MailResult): Pick<SentMail, 'verdict' | 'status' | 'left' | 'note'> {
  if (result.kind === 'failed') {
    const verdict: Verdict = { outcome: result.outcome, next: result.isPermanent ? 'dead' : 'retry' }
    return { verdict, status: result.status, left: [], note: null }
  }
  const note = result.refused.length === 0 ? null : `recipients_refused:${result.refused.length}`
  const putOff = result.refused.filter(({ isPermanent }) => !isPermanent)
  const [first] = putOff
  if (first === undefined) return { verdict: { outcome: 'ok' }, status: result.status, left: [], note }
  const left = putOff.map(({ address }) => address)
  return { verdict: { outcome: 'server_error', next: 'retry' }, status: first.status, left, note }
}
