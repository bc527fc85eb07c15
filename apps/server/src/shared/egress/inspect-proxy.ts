import { type Destination, inspectHost, MAX_URL_LENGTH, refuseInvisible } from './check-url.ts'
import { EgressError } from './egress-error.ts'
import type { PrivateUpstreams } from './private-upstreams.ts'

/** A way out that an administrator configured. */
export interface ProxyServer {
  kind: 'http' | 'https' | 'socks5'
  destination: Destination
  credentials: { user: string; password: string } | null
}

const PARTS = /^(http|https|socks5):\/\/(?:([^@/?#\\]*)@)?([^@/?#\\]+?)(?::(\d{1,5}))?\/?$/i
const DEFAULT_PORTS = { http: 80, https: 443, socks5: 1080 } as const
/** RFC 1929, section 2: a length is one byte. */
const MAX_CREDENTIAL_BYTES = 255

/**
 * Reads a proxy's URL, `http|https|socks5://[user:password@]host[:port]`, and judges where it leads. A public proxy may have
 * any port; a private one must be on the list, as every private destination. Throws an EgressError.
 */
export function inspectProxy(text: string, listed: PrivateUpstreams): ProxyServer {
  if (text.length > MAX_URL_LENGTH) throw new EgressError('invalid_url')
  refuseInvisible(text)
  const [, scheme = '', userInfo, host = '', portText] = PARTS.exec(text) ?? []
  const kind = kindOf(scheme)
  const port = portText === undefined ? DEFAULT_PORTS[kind] : Number(portText)
  if (!URL.canParse(`http://${host}`) || port < 1 || port > 65_535) throw new EgressError('invalid_url')
  const { hostname, port: misread } = new URL(`http://${host}`)
  if (misread !== '') throw new EgressError('invalid_url')
  const destination = inspectHost({ scheme: `${kind}:`, hostname, port, isTls: kind === 'https' }, listed)
  return { kind, destination, credentials: userInfo === undefined ? null : credentialsOf(userInfo) }
}

/** Host and port of a proxy, for people; null where the text is no proxy's URL. */
export function proxyHostOf(text: string): string | null {
  const [, scheme = '', , host, port] = PARTS.exec(text) ?? []
  return host === undefined ? null : `${host.toLowerCase()}:${port ?? DEFAULT_PORTS[kindOf(scheme)]}`
}

function kindOf(scheme: string): ProxyServer['kind'] {
  const kind = scheme.toLowerCase()
  if (kind === 'http' || kind === 'https' || kind === 'socks5') return kind
  throw new EgressError('invalid_url')
}

function credentialsOf(userInfo: string): ProxyServer['credentials'] {
  const colon = userInfo.indexOf(':')
  const user = decoded(colon < 0 ? userInfo : userInfo.slice(0, colon))
  const password = colon < 0 ? '' : decoded(userInfo.slice(colon + 1))
  const isSendable = [user, password].every((part) => Buffer.byteLength(part) <= MAX_CREDENTIAL_BYTES)
  if (user === '' || user.includes(':') || !isSendable) throw new EgressError('user_info')
  return { user, password }
}

function decoded(part: string): string {
  try {
    return decodeURIComponent(part)
  } catch (cause) {
    throw new EgressError('user_info', { cause })
  }
}
