import { randomUUID } from 'node:crypto'
import { setTimeout as after } from 'node:timers/promises'
import type { Log } from '../../shared/logger.ts'
import type { Mail, Mailer } from '../../shared/mail/mailer.ts'

export interface Invitation {
  to: string
  /** With the single-use token: never in a log. */
  url: string
  expiresAt: string
  kind: 'invite' | 'reset'
}

/** Between the tries of a mail; after the last one whoever made the link still has it to hand over. */
const WAITS_MS = [2_000, 30_000]
/** Mails under way; more are not begun. */
const MAX_MAILS = 100

export type InviteMail = ReturnType<typeof createInviteMail>

/** Sends links by which users set their passwords, while nobody waits for it. */
export function createInviteMail({ mailer, log }: { mailer: Mailer; log: Log }) {
  const closing = new AbortController()
  const running = new Set<Promise<void>>()

  /** False where no mail leaves: it is not configured, or too many are under way. */
  async function send(invitation: Invitation): Promise<boolean> {
    if (closing.signal.aborted || running.size >= MAX_MAILS || !(await mailer.isConfigured())) return false
    const sending = deliver(invitation).catch((error: unknown) => {
      if (!closing.signal.aborted) log.error({ err: error }, 'a link was not mailed')
    })
    running.add(sending)
    void sending.finally(() => running.delete(sending))
    return true
  }

  async function deliver(invitation: Invitation): Promise<void> {
    const mail: Mail = { id: randomUUID(), to: [invitation.to], ...TEXTS[invitation.kind](invitation) }
    for (let tries = 0; ; tries += 1) {
      const result = await mailer.send(mail)
      if (result.kind === 'sent') return
      const waitMs = WAITS_MS[tries]
      if (result.isPermanent || waitMs === undefined) {
        log.warn({ outcome: result.outcome, status: result.status }, 'a link was not mailed')
        return
      }
      await after(waitMs, undefined, { signal: closing.signal })
    }
  }

  return {
    send,
    /** Ends the waits; a mail that is being handed over has its time. */
    async close(): Promise<void> {
      closing.abort()
      await Promise.all(running)
    },
  }
}

const TEXTS = {
  invite: ({ url, expiresAt }) =>
    textOf('Your invitation to Turnpike', 'You were invited to Turnpike. Set your password here:', { url, expiresAt }),
  reset: ({ url, expiresAt }) =>
    textOf('Your new Turnpike password', 'Your password was reset. Set a new one here:', { url, expiresAt }),
} as const satisfies Record<Invitation['kind'], (invitation: Invitation) => Pick<Mail, 'subject' | 'text' | 'html'>>

/** Links are made here of a configured origin and a token: nothing in them needs escaping. */
function textOf(subject: string, sentence: string, { url, expiresAt }: Pick<Invitation, 'url' | 'expiresAt'>) {
  const until = `The link works once, until ${expiresAt}.`
  return {
    subject,
    text: `${sentence}\n\n${url}\n\n${until}\n`,
    html: `<p>${sentence}</p><p><a href="${url}">${url}</a></p><p>${until}</p>`,
  }
}
