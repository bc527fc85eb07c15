import ipaddr from 'ipaddr.js'

export type AddressRange =
  | 'public'
  | 'metadata'
  | 'loopback'
  | 'private'
  | 'shared'
  | 'unique_local'
  | 'link_local'
  | 'special'
  | 'not_an_address'

/**
 * Which kind of address a canonical IPv4 (four decimal parts) or IPv6 literal is; whatever is not `public` is refused.
 * All special-purpose ranges of the IANA registries count as special, globally reachable ones too: no upstream lives there.
 * IPv6 is public only inside 2000::/3, so addresses that carry an IPv4 address (mapped, compatible, NAT64) never are.
 */
export function classifyAddress(text: string): AddressRange {
  const address = parseAddress(text)
  if (address === null) return 'not_an_address'
  if (METADATA.has(address.toNormalizedString())) return 'metadata'
  for (const { range, cidr } of address.kind() === 'ipv4' ? IPV4_RANGES : IPV6_RANGES) {
    if (address.match(cidr)) return range
  }
  return address.kind() === 'ipv4' || address.match(GLOBAL_UNICAST) ? 'public' : 'special'
}

/** The address in one spelling, so that two can be compared; null where the text is not a canonical literal. */
export function normalizeAddress(text: string): string | null {
  return parseAddress(text)?.toNormalizedString() ?? null
}

type Cidr = [ipaddr.IPv4 | ipaddr.IPv6, number]

const GLOBAL_UNICAST: Cidr = ipaddr.parseCIDR('2000::/3')

/** Where clouds tell a machine its credentials. Azure's is a public address, the others lie in ranges that are refused anyway. */
const METADATA = new Set(
  [
    '169.254.169.254',
    '169.254.170.2',
    '169.254.170.23',
    '169.254.42.42',
    '100.100.100.200',
    '168.63.129.16',
    '192.0.0.192',
    'fd00:ec2::254',
    'fd00:ec2::23',
    'fd20:ce::254',
    'fd00:42::42',
  ].map((text) => ipaddr.parse(text).toNormalizedString()),
)

/** https://www.iana.org/assignments/iana-ipv4-special-registry, and multicast. */
const IPV4_RANGES = ranges({
  loopback: ['127.0.0.0/8'],
  private: ['10.0.0.0/8', '172.16.0.0/12', '192.168.0.0/16'],
  shared: ['100.64.0.0/10'],
  link_local: ['169.254.0.0/16'],
  special: [
    '0.0.0.0/8',
    '192.0.0.0/24',
    '192.0.2.0/24',
    '192.31.196.0/24',
    '192.52.193.0/24',
    '192.88.99.0/24',
    '192.175.48.0/24',
    '198.18.0.0/15',
    '198.51.100.0/24',
    '203.0.113.0/24',
    '224.0.0.0/4',
    '240.0.0.0/4',
  ],
})

/** https://www.iana.org/assignments/iana-ipv6-special-registry; what lies outside 2000::/3 is named only where it has a name. */
const IPV6_RANGES = ranges({
  loopback: ['::1/128'],
  unique_local: ['fc00::/7'],
  link_local: ['fe80::/10'],
  special: [
    // IETF protocol assignments: Teredo, benchmarking, AMT, AS112, ORCHID, drone identifiers.
    '2001::/23',
    // Documentation.
    '2001:db8::/32',
    '3fff::/20',
    // 6to4: an IPv4 address in disguise.
    '2002::/16',
    // AS112.
    '2620:4f:8000::/48',
    // 6bone, given back.
    '3ffe::/16',
  ],
})

function ranges(named: Partial<Record<AddressRange, string[]>>): { range: AddressRange; cidr: Cidr }[] {
  const pairs = Object.entries(named) as [AddressRange, string[]][]
  return pairs.flatMap(([range, texts]) => texts.map((text) => ({ range, cidr: ipaddr.parseCIDR(text) })))
}

function parseAddress(text: string): ipaddr.IPv4 | ipaddr.IPv6 | null {
  if (ipaddr.IPv4.isValidFourPartDecimal(text)) return ipaddr.IPv4.parse(text)
  if (!text.includes('%') && ipaddr.IPv6.isValid(text)) return ipaddr.IPv6.parse(text)
  return null
}
