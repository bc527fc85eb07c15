import { lookup, Resolver } from 'node:dns/promises'
import { EgressError } from './egress-error.ts'

/** All addresses of a canonical name, IPv4 first; never an empty list. Throws an EgressError. */
export type Resolve = (name: string, options: { isListed: boolean }) => Promise<string[]>

export interface ResolverOptions {
  deadlineMs?: number
  /** Name servers to ask, `address:port`; those of the system by default. */
  servers?: readonly string[]
}

const DEADLINE_MS = 2_000

/**
 * Names of the internet are asked for at the name servers directly: neither the hosts file nor the system's search domains
 * can turn a public name into a private answer. Names an administrator listed as private are the system's to resolve,
 * because there hosts file and search domains (Docker, Kubernetes) are what he means.
 * Questions for the same name at the same moment share one answer; nothing is remembered beyond it.
 */
export function createResolver({ deadlineMs = DEADLINE_MS, servers }: ResolverOptions = {}): Resolve {
  const asked = new Map<string, Promise<string[]>>()

  return function resolve(name, { isListed }) {
    const key = `${isListed} ${name}`
    const running = asked.get(key)
    if (running) return running
    const answer = isListed ? askSystem(name, deadlineMs) : askServers(name, { deadlineMs, servers })
    const shared = answer.finally(() => asked.delete(key))
    asked.set(key, shared)
    return shared
  }
}

async function askServers(
  name: string,
  { deadlineMs, servers }: { deadlineMs: number; servers: readonly string[] | undefined },
): Promise<string[]> {
  const resolver = new Resolver({ timeout: Math.ceil(deadlineMs / 2), tries: 2 })
  if (servers) resolver.setServers(servers)
  const overdue = setTimeout(() => resolver.cancel(), deadlineMs)
  try {
    const answers = await Promise.allSettled([resolver.resolve4(name), resolver.resolve6(name)])
    // A family that could not be asked adds no address; what the other gave is judged and pinned as it is.
    const addresses = answers.flatMap((answer) => (answer.status === 'fulfilled' ? answer.value : []))
    if (addresses.length > 0) return addresses
    throw asEgressError(answers.map((answer) => (answer.status === 'rejected' ? answer.reason : null)))
  } finally {
    clearTimeout(overdue)
  }
}

/** The system's look-up cannot be cancelled: at the deadline it is left behind. */
async function askSystem(name: string, deadlineMs: number): Promise<string[]> {
  let timer: NodeJS.Timeout | undefined
  const overdue = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new EgressError('resolver_timeout')), deadlineMs)
  })
  try {
    const answers = await Promise.race([lookup(name, { all: true, order: 'ipv4first' }), overdue])
    return answers.map(({ address }) => address)
  } catch (error) {
    throw error instanceof EgressError ? error : asEgressError([error])
  } finally {
    clearTimeout(timer)
  }
}

const NO_SUCH_NAME = ['ENOTFOUND', 'ENODATA', 'ENONAME', 'EBADNAME']
const TOO_LATE = ['ETIMEOUT', 'ECANCELLED']

/** The name is unknown only if no family failed for another reason. */
function asEgressError(errors: readonly unknown[]): EgressError {
  const codes = errors.map((error) => (error instanceof Error && 'code' in error ? String(error.code) : ''))
  const cause = errors.find((error) => error instanceof Error)
  if (codes.every((code) => NO_SUCH_NAME.includes(code))) return new EgressError('name_not_found', { cause })
  if (codes.some((code) => TOO_LATE.includes(code))) return new EgressError('resolver_timeout', { cause })
  return new EgressError('resolver_failed', { cause })
}
