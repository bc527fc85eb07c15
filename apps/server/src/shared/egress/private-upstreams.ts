import ipaddr from 'ipaddr.js'
import { type AddressRange, classifyAddress, normalizeAddress } from './classify-address.ts'

export interface PrivateUpstreams {
  /** Whether this very name is on the list for this port. */
  hasName(name: string, port: number): boolean
  /** Whether any address could be on the list for this port. */
  hasRanges(port: number): boolean
  /** Whether this address is on the list for this port, by itself or in a range. Never true of a metadata address. */
  hasAddress(address: string, port: number): boolean
}

/** What a listed name may lead to: an administrator who lists a name means a machine, not the link or the cloud's credentials. */
const RANGES_OF_LISTED_NAMES: readonly AddressRange[] = ['public', 'loopback', 'private', 'shared', 'unique_local']

export function mayListedNameLeadTo(address: string): boolean {
  return RANGES_OF_LISTED_NAMES.includes(classifyAddress(address))
}

/**
 * The entries of `TURNPIKE_PRIVATE_UPSTREAMS`: host, IP or CIDR, each with an optional port (`vllm:8000`, `10.0.0.5`,
 * `10.0.0.0/8:8000`, `[fd00::1]:8000`, `fd00::/8`). Throws an Error that names the first entry it cannot read.
 */
export function parsePrivateUpstreams(entries: readonly string[]): PrivateUpstreams {
  const parsed = entries.map(parseEntry)
  return {
    hasName: (name, port) =>
      parsed.some((entry) => entry.kind === 'name' && entry.name === name && isPort(entry.port, port)),
    hasRanges: (port) => parsed.some((entry) => entry.kind === 'range' && isPort(entry.port, port)),
    hasAddress(address, port) {
      if (normalizeAddress(address) === null || classifyAddress(address) === 'metadata') return false
      const candidate = ipaddr.parse(address)
      return parsed.some(
        (entry) => entry.kind === 'range' && isPort(entry.port, port) && contains(entry.cidr, candidate),
      )
    },
  }
}

type Address = ipaddr.IPv4 | ipaddr.IPv6

type Entry =
  | { kind: 'name'; name: string; port: number | null }
  | { kind: 'range'; cidr: [Address, number]; port: number | null }

const NAME = /^(?=.{1,253}$)[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?)*$/

function parseEntry(entry: string): Entry {
  const { host, port } = splitPort(entry)
  const [address = '', prefix] = host.split('/')
  if (normalizeAddress(address) !== null) return { kind: 'range', cidr: parseRange(entry, address, prefix), port }
  const name = host.toLowerCase()
  if (!NAME.test(name) || /(^|\.)(0x[0-9a-f]*|\d+)$/.test(name)) throw unreadable(entry, 'not a host, IP or CIDR')
  return { kind: 'name', name, port }
}

function splitPort(entry: string): { host: string; port: number | null } {
  const bracketed = /^\[([^\]]*)\](?::(.*))?$/.exec(entry)
  if (bracketed) return { host: bracketed[1] ?? '', port: parsePort(entry, bracketed[2]) }
  // Without brackets more than one colon is an IPv6 address, and no port.
  const [host = '', port, ...more] = entry.split(':')
  return more.length > 0 ? { host: entry, port: null } : { host, port: parsePort(entry, port) }
}

function parsePort(entry: string, text: string | undefined): number | null {
  if (text === undefined) return null
  const port = Number(text)
  if (!/^\d{1,5}$/.test(text) || port < 1 || port > 65_535) throw unreadable(entry, 'the port is not one')
  return port
}

function parseRange(entry: string, address: string, prefix: string | undefined): [Address, number] {
  const parsed = ipaddr.parse(address)
  const bits = parsed.kind() === 'ipv4' ? 32 : 128
  if (prefix === undefined) return [parsed, bits]
  const length = Number(prefix)
  if (!/^\d{1,3}$/.test(prefix) || length < 1 || length > bits)
    throw unreadable(entry, `the prefix is not 1 to ${bits}`)
  const network = networkOf(parsed, length)
  if (network.toString() !== parsed.toString())
    throw unreadable(entry, `the network is ${network.toString()}/${length}`)
  return [parsed, length]
}

function networkOf(address: Address, length: number): Address {
  const cidr = `${address.toString()}/${length}`
  return address.kind() === 'ipv4' ? ipaddr.IPv4.networkAddressFromCIDR(cidr) : ipaddr.IPv6.networkAddressFromCIDR(cidr)
}

function contains(cidr: [Address, number], address: Address): boolean {
  return cidr[0].kind() === address.kind() && address.match(cidr)
}

function isPort(listed: number | null, port: number): boolean {
  return listed === null || listed === port
}

function unreadable(entry: string, fault: string): Error {
  return new Error(`TURNPIKE_PRIVATE_UPSTREAMS: ${JSON.stringify(entry)}: ${fault}`)
}
