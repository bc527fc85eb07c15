import { readFileSync } from 'node:fs'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import { SMTPServer, type SMTPServerOptions } from 'smtp-server'

const fixture = (name: string) => readFileSync(new URL(`../../egress/__fixtures__/${name}`, import.meta.url), 'utf8')

/** Vouches for `upstream.provider.com` and 127.0.0.1. */
export const MAIL_CERT = fixture('upstream-cert.pem')

export interface ReceivedMail {
  from: string
  to: string[]
  user: string | undefined
  isSecure: boolean
  /** Headers and body as they came. */
  raw: string
}

/** What the server says to a recipient or a message; undefined = it takes it. */
export type Verdict = { code: number; message: string } | 'cut' | undefined

export interface MailServerBehaviour {
  isTls?: boolean
  /** Without it no STARTTLS is offered. */
  startTls?: boolean
  password?: string
  onConnect?: () => Verdict
  onRecipient?: (address: string) => Verdict
  onMessage?: () => Verdict
}

export interface TestMailServer extends AsyncDisposable {
  port: number
  received: ReceivedMail[]
  connections(): number
}

/** An SMTP server on loopback that behaves as it is told, from one connection to the next. */
export async function startMailServer(behaviour: MailServerBehaviour = {}): Promise<TestMailServer> {
  const received: ReceivedMail[] = []
  let connections = 0
  const disabled = [...(behaviour.startTls ? [] : ['STARTTLS']), ...(behaviour.password === undefined ? ['AUTH'] : [])]
  const options: SMTPServerOptions = {
    secure: behaviour.isTls ?? false,
    key: fixture('upstream-key.pem'),
    cert: MAIL_CERT,
    disabledCommands: disabled,
    authOptional: behaviour.password === undefined,
    disableReverseLookup: true,
    closeTimeout: 100,
    onConnect(_session, callback) {
      connections += 1
      answer(behaviour.onConnect?.(), callback)
    },
    onAuth({ username, password }, _session, callback) {
      if (password === behaviour.password) callback(null, { user: username ?? '' })
      else callback(Object.assign(new Error('wrong'), { responseCode: 535 }))
    },
    onRcptTo({ address }, _session, callback) {
      answer(behaviour.onRecipient?.(address), callback)
    },
    onData(stream, session, callback) {
      void text(stream).then((raw) => {
        const verdict = behaviour.onMessage?.()
        if (verdict !== undefined) return answer(verdict, callback)
        const { mailFrom, rcptTo } = session.envelope
        received.push({
          from: mailFrom === false ? '' : mailFrom.address,
          to: rcptTo.map(({ address }) => address),
          user: session.user,
          isSecure: session.secure,
          raw,
        })
        callback()
      })
    },
  }
  const server = new SMTPServer(options)
  // A client that goes away in the middle is the test's own doing.
  server.on('error', () => {})
  const listening = server.listen(0, '127.0.0.1')
  await new Promise((resolve) => listening.once('listening', resolve))

  function answer(verdict: Verdict, callback: (error?: Error | null) => void): void {
    if (verdict === 'cut') return cutAll()
    callback(verdict && Object.assign(new Error(verdict.message), { responseCode: verdict.code }))
  }

  function cutAll(): void {
    for (const { _socket: socket } of server.connections) socket?.destroy()
  }

  return {
    port: (server.server.address() as AddressInfo).port,
    received,
    connections: () => connections,
    async [Symbol.asyncDispose]() {
      cutAll()
      await new Promise<void>((resolve) => server.close(() => resolve()))
    },
  }
}
