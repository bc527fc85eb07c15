import { type Destination, inspectHost, refuseInvisible } from './check-url.ts'
import { EgressError } from './egress-error.ts'
import type { PrivateUpstreams } from './private-upstreams.ts'

/** Where mail is handed over. */
export interface MailServer {
  /** A name, or a literal address with or without brackets. */
  host: string
  port: number
}

/** Relay, submission inside TLS, submission, and what hosters that block port 25 offer in its place. */
export const MAIL_PORTS: readonly number[] = [25, 465, 587, 2525]

const MAX_HOST_LENGTH = 255
const HOST = /^(\[[0-9a-f:.]+\]|[^\s@:/?#\\[\]]+)$/i

/**
 * Judges all of a mail server that can be judged without asking a name server, as `inspectUrl` does a URL: other ports than
 * those of mail are for addresses on the list. Throws an EgressError.
 */
export function inspectMailServer({ host, port }: MailServer, listed: PrivateUpstreams): Destination {
  if (host.length > MAX_HOST_LENGTH) throw new EgressError('invalid_url')
  refuseInvisible(host)
  const written = host.includes(':') && !host.startsWith('[') ? `[${host}]` : host
  if (!HOST.test(written) || !URL.canParse(`http://${written}`)) throw new EgressError('invalid_url')
  const { hostname } = new URL(`http://${written}`)
  const unlessListed = MAIL_PORTS.includes(port) ? null : 'port_not_allowed'
  return inspectHost({ scheme: 'smtp:', hostname, port, isTls: false, unlessListed }, listed)
}
