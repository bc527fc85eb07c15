import type { IncomingMessage } from 'node:http'
import ipaddr from 'ipaddr.js'

type Network = [ipaddr.IPv4 | ipaddr.IPv6, number]

export type ClientAddress = (request: Pick<IncomingMessage, 'socket' | 'headers'>) => string

/** Whether a peer is one of the proxies (addresses or CIDRs) whose forwarding headers count. */
export function createProxyTrust(proxies: readonly string[]): (address: string | undefined) => boolean {
  const networks = proxies.map(parseNetwork)
  return (address) => {
    if (address === undefined || !ipaddr.isValid(address)) return false
    const parsed = ipaddr.process(address)
    return networks.some(([network, bits]) => network.kind() === parsed.kind() && parsed.match(network, bits))
  }
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
function parseNetwork(text: string): Network {
  if (text.includes('/')) {
    const [network, bits] = ipaddr.parseCIDR(text)
    return [network, bits]
  }
  const address = ipaddr.process(text)
  return [address, address.kind() === 'ipv4' ? 32 : 128]
}
