import ipaddr from 'ipaddr.js'

/** A network and how many of its leading bits count. */
export type AddressRange = [network: ipaddr.IPv4 | ipaddr.IPv6, bits: number]

const MAPPED_BITS = 96

/**
 * An address or a CIDR in its usual spelling; null where the text is neither. IPv4 in IPv6 is IPv4, as it is of callers.
 * Octal, hexadecimal and shortened IPv4 is refused: what it means differs from reader to reader.
 */
export function parseAddressRange(text: string): AddressRange | null {
  if (ipaddr.IPv4.isValidFourPartDecimal(text)) return [ipaddr.IPv4.parse(text), 32]
  if (ipaddr.IPv4.isValidCIDRFourPartDecimal(text)) return ipaddr.IPv4.parseCIDR(text)
  if (ipaddr.IPv6.isValid(text)) return unmapped(ipaddr.IPv6.parse(text), 128)
  if (!ipaddr.IPv6.isValidCIDR(text)) return null
  const [network, bits] = ipaddr.IPv6.parseCIDR(text)
  return unmapped(network, bits)
}

/** Whether the address is in one of the ranges; what is no address is in none. */
export function isWithin(address: string, ranges: readonly AddressRange[]): boolean {
  if (!ipaddr.isValid(address)) return false
  const parsed = ipaddr.process(address)
  return ranges.some(([network, bits]) => network.kind() === parsed.kind() && parsed.match(network, bits))
}

function unmapped(network: ipaddr.IPv6, bits: number): AddressRange {
  const isMapped = bits >= MAPPED_BITS && network.isIPv4MappedAddress()
  return isMapped ? [network.toIPv4Address(), bits - MAPPED_BITS] : [network, bits]
}
