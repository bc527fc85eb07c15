import type { IncomingMessage } from 'node:http'
import ipaddr from 'ipaddr.js'
import { type AddressRange, isWithin, parseAddressRange } from './address-range.ts'

export type ClientAddress = (request: Pick<IncomingMessage, 'socket' | 'headers'>) => string

/** Whether a peer is one of the proxies (addresses or CIDRs) whose forwarding headers count. */
export function createProxyTrust(proxies: readonly string[]): (address: string | undefined) => boolean {
  const ranges = proxies.map(parseProxy)
  return (address) => address !== undefined && isWithin(address, ranges)
}

/** The caller's address: the right-most hop of X-Forwarded-For that is no trusted proxy, else the peer. */
export function createClientAddress(trustedProxies: readonly string[]): ClientAddress {
  if (trustedProxies.length === 0) return peerAddress
  const isTrusted = createProxyTrust(trustedProxies)
  return ({ socket, headers }) => {
    let address = normalise(socket.remoteAddress ?? '')
    const hops = String(headers['x-forwarded-for'] ?? '').split(',')
    while (isTrusted(address)) {
      const hop = hops.pop()?.trim() ?? ''
      if (!ipaddr.isValid(hop)) break
      address = normalise(hop)
    }
    return address
  }
}

/** Without proxies every request of a connection comes from its peer; it is read once, as asking the socket is not free. */
const peers = new WeakMap<IncomingMessage['socket'], string>()

function peerAddress({ socket }: Pick<IncomingMessage, 'socket'>): string {
  let address = peers.get(socket)
  if (address === undefined) {
    address = normalise(socket.remoteAddress ?? '')
    peers.set(socket, address)
  }
  return address
}

function normalise(address: string): string {
  return ipaddr.isValid(address) ? ipaddr.process(address).toString() : 'unknown'
}

/** An address or a CIDR; throws where the text is neither. */
function parseProxy(text: string): AddressRange {
  const range = parseAddressRange(text)
  if (range === null) throw new Error(`${text} is neither an address nor a CIDR`)
  return range
}
