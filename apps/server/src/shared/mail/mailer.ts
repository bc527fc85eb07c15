import type { Socket } from 'node:net'
import { createTransport } from 'nodemailer'
import type { MailServer } from '../egress/inspect-mail-server.ts'
import { type MailFailure, mailFailureOf } from './mail-failure.ts'
import type { SmtpConfig } from './smtp-config.ts'

export interface Mail {
  /** The whole of `Message-ID` left of the `@`; the same for every try of a message. */
  id: string
  to: readonly string[]
  subject: string
  text: string
  html: string
}

export type MailResult =
  | {
      kind: 'sent'
      /** The server's reply code to the message. */
      status: number | null
      /** Those the server did not take, while it took others. */
      refused: { address: string; isPermanent: boolean; status: number | null }[]
    }
  | ({ kind: 'failed' } & MailFailure)

/** Opens connections to mail servers, after checking where they lead. */
export interface MailEgress {
  checkMailServer(server: MailServer): Promise<void>
  openMailSocket(
    server: MailServer,
    options: { isTls: boolean; connectMs: number; signal: AbortSignal },
  ): Promise<Socket>
}

export interface MailerOptions {
  egress: Pick<MailEgress, 'openMailSocket'>
  /** As it holds now; null = nobody has said how mail leaves. */
  config(): Promise<SmtpConfig | null>
  totalMs?: number
}

export type Mailer = ReturnType<typeof createMailer>

const CONNECT_MS = 5_000
const TOTAL_MS = 20_000
const MAX_REPLY_BYTES = 64 * 1024
/** Right of the `@` of every `Message-ID`: one for all settings, so that a message keeps its name when they change. */
const ID_DOMAIN = 'turnpike.local'

/** Mail over sockets that the egress guard opened: the library itself never looks up a name or connects. */
export function createMailer({ egress, config, totalMs = TOTAL_MS }: MailerOptions) {
  /** One message in one transaction, within 20 s. Never rejects for what a server did. */
  async function send(mail: Mail): Promise<MailResult> {
    const smtp = await config()
    if (smtp === null) return { kind: 'failed', outcome: 'not_configured', isPermanent: false, status: null }
    const signal = AbortSignal.timeout(totalMs)
    let opened: Socket | null = null
    try {
      opened = await egress.openMailSocket(smtp, { isTls: smtp.security === 'tls', connectMs: CONNECT_MS, signal })
      return await handOver(opened, smtp, { mail, signal })
    } catch (error) {
      return { kind: 'failed', ...mailFailureOf(error, signal) }
    } finally {
      opened?.destroy()
    }
  }

  async function handOver(
    connection: Socket,
    { host, security, user, password, from }: SmtpConfig,
    { mail, signal }: { mail: Mail; signal: AbortSignal },
  ): Promise<MailResult> {
    const transport = createTransport({
      host,
      secure: security === 'tls',
      requireTLS: security === 'starttls',
      ignoreTLS: security === 'none',
      tls: { rejectUnauthorized: true },
      maxResponseSize: MAX_REPLY_BYTES,
      connectionTimeout: totalMs,
      greetingTimeout: totalMs,
      socketTimeout: totalMs,
      socketCloseTimeout: 0,
      disableFileAccess: true,
      disableUrlAccess: true,
      ...(user !== null && { auth: { user, pass: password ?? '' } }),
      getSocket: (_options: unknown, callback: (error: null, socket: object) => void) =>
        callback(null, { connection, secured: security === 'tls' }),
    })
    const { response, rejectedErrors = [] } = await transport.sendMail({
      from,
      to: [...mail.to],
      messageId: `<${mail.id}@${ID_DOMAIN}>`,
      subject: mail.subject,
      text: mail.text,
      html: mail.html,
      headers: { 'Auto-Submitted': 'auto-generated' },
      signal,
    })
    const refused = rejectedErrors.map(({ recipient = '', permanent = false, responseCode = null }) => ({
      address: recipient,
      isPermanent: permanent,
      status: responseCode,
    }))
    return { kind: 'sent', status: Number.parseInt(response, 10) || null, refused }
  }

  return { send, isConfigured: async () => (await config()) !== null }
}
