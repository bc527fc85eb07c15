import { classifyAddress } from './classify-address.ts'
import { EgressError, type EgressReason } from './egress-error.ts'
import { mayListedNameLeadTo, type PrivateUpstreams } from './private-upstreams.ts'
import { isSpecialName } from './special-names.ts'

/** Where a URL leads, in its one canonical form. */
export interface Destination {
  /** `https://host` or `https://host:port`, host in brackets where it is IPv6. */
  origin: string
  isTls: boolean
  /** A name in lower case without final dot, or a literal address without brackets. */
  host: string
  port: number
  kind: 'literal' | 'listed_name' | 'name'
  /** The refusal unless every address is on the private list: plain http and odd ports are allowed there only. */
  unlessListed: EgressReason | null
}

export const MAX_URL_LENGTH = 2_048
const PUBLIC_PORTS = [443, 8443]
// The characters C0, space, DEL, C1 and the invisible ones of Unicode: URL parsers drop or move some of them silently.
const INVISIBLE = /[\p{Cc}\p{Cf}\p{Zs}\p{Zl}\p{Zp}\p{Cs}]/u
const AUTHORITY = /^[a-z][a-z0-9+.-]*:\/\/([^/?#\\]+)(?=[/?#]|$)/i
const LABEL = /^[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?$/

/**
 * Reads a configured URL and judges all that can be judged without asking a name server (spec: alerts, "Webhook safety").
 * Literal addresses are classified here, in whatever spelling they came. Throws an EgressError.
 */
export function inspectUrl(text: string, listed: PrivateUpstreams): Destination {
  const url = parseUrl(text)
  const port = url.port === '' ? defaultPort(url.protocol) : Number(url.port)
  const unlessListed = refusalUnlessListed(url.protocol, port)
  const isTls = url.protocol === 'https:'
  return inspectHost({ scheme: url.protocol, hostname: url.hostname, port, isTls, unlessListed }, listed)
}

interface Host {
  scheme: string
  /** As `URL` gives it. */
  hostname: string
  port: number
  isTls: boolean
  unlessListed?: EgressReason | null
}

/** Judges all of a host that can be judged without asking a name server. Throws an EgressError. */
export function inspectHost({ scheme, hostname, port, isTls, unlessListed = null }: Host, listed: PrivateUpstreams) {
  const host = canonicalHost(hostname)
  const isDefault = port === defaultPort(scheme)
  const origin = `${scheme}//${host.includes(':') ? `[${host}]` : host}${isDefault ? '' : `:${port}`}`
  const destination: Omit<Destination, 'kind'> = { origin, isTls, host, port, unlessListed }
  return { ...destination, kind: kindOf(destination, listed) }
}

function kindOf(destination: Omit<Destination, 'kind'>, listed: PrivateUpstreams): Destination['kind'] {
  const { host, port, unlessListed } = destination
  if (classifyAddress(host) !== 'not_an_address') {
    assertAddressesAllowed([host], { ...destination, kind: 'literal' }, listed)
    return 'literal'
  }
  if (listed.hasName(host, port)) return 'listed_name'
  if (isSpecialName(host)) throw new EgressError('special_name')
  if (unlessListed !== null && !listed.hasRanges(port)) throw new EgressError(unlessListed)
  return 'name'
}

/** Judges what a destination resolved to: all of it must be allowed. Throws an EgressError. */
export function assertAddressesAllowed(
  addresses: readonly string[],
  { kind, port, unlessListed }: Pick<Destination, 'kind' | 'port' | 'unlessListed'>,
  listed: PrivateUpstreams,
): void {
  if (addresses.length === 0) throw new EgressError('name_not_found')
  for (const address of addresses) {
    if (listed.hasAddress(address, port)) continue
    if (kind === 'listed_name' && mayListedNameLeadTo(address)) continue
    if (classifyAddress(address) !== 'public') throw new EgressError('private_address')
    if (unlessListed !== null) throw new EgressError(unlessListed)
  }
}

export function refuseInvisible(text: string): void {
  if (INVISIBLE.test(text)) throw new EgressError('control_character')
}

function parseUrl(text: string): URL {
  if (text.length > MAX_URL_LENGTH) throw new EgressError('invalid_url')
  refuseInvisible(text)
  const authority = AUTHORITY.exec(text)?.[1]
  if (authority === undefined || !URL.canParse(text)) throw new EgressError('invalid_url')
  // An empty user name leaves no trace in the parsed URL.
  if (authority.includes('@')) throw new EgressError('user_info')
  return new URL(text)
}

function canonicalHost(hostname: string): string {
  if (hostname.startsWith('[')) return hostname.slice(1, -1)
  const name = hostname.endsWith('.') ? hostname.slice(0, -1) : hostname
  const labels = name.split('.')
  const isName = name.length <= 253 && labels.every((label) => label.length <= 63 && LABEL.test(label))
  if (!isName) throw new EgressError('invalid_url')
  return name
}

function defaultPort(protocol: string): number {
  return protocol === 'https:' ? 443 : 80
}

function refusalUnlessListed(protocol: string, port: number): EgressReason | null {
  if (protocol === 'https:') return PUBLIC_PORTS.includes(port) ? null : 'port_not_allowed'
  if (protocol === 'http:') return 'scheme_not_allowed'
  throw new EgressError('scheme_not_allowed')
}
