/** Where Redis is, as REDIS_URL says. */
export type RedisAddress =
  | { kind: 'standalone'; url: string }
  | { kind: 'cluster'; nodes: { host: string; port: number }[]; username?: string; password?: string; tls: boolean }

const DEFAULT_PORT = 6379
const CLUSTER = /^(rediss?)\+cluster:\/\/(?:([^@/]*)@)?([^@/]+)\/?$/
const NODE = /^(\[[0-9a-f:.]+\]|[^:[\]\s]+)(?::(\d{1,5}))?$/i

/**
 * `redis://[user:password@]host[:port][/db]`, `rediss://…` for TLS, `redis+cluster://[user:password@]host:port,host:port`
 * (`rediss+cluster://` for TLS), where any of the cluster's nodes leads to the others. Null = none of these.
 */
export function parseRedisAddress(text: string): RedisAddress | null {
  const cluster = CLUSTER.exec(text)
  return cluster ? parseCluster(cluster) : parseStandalone(text)
}

function parseStandalone(text: string): RedisAddress | null {
  if (!URL.canParse(text)) return null
  const { protocol, hostname, pathname } = new URL(text)
  const isRedis = protocol === 'redis:' || protocol === 'rediss:'
  return isRedis && hostname !== '' && /^(\/\d*)?$/.test(pathname) ? { kind: 'standalone', url: text } : null
}

function parseCluster([, protocol, credentials, hosts = '']: RegExpExecArray): RedisAddress | null {
  const nodes = hosts.split(',').map(parseNode)
  if (!nodes.every((node) => node !== null)) return null
  const colon = credentials?.indexOf(':') ?? -1
  const username = decoded(colon === -1 ? credentials : credentials?.slice(0, colon))
  const password = decoded(colon === -1 ? undefined : credentials?.slice(colon + 1))
  if (username === null || password === null) return null
  return {
    kind: 'cluster',
    nodes,
    ...(username !== '' && { username }),
    ...(password !== '' && { password }),
    tls: protocol === 'rediss',
  }
}

function parseNode(text: string): { host: string; port: number } | null {
  const [, host, port = DEFAULT_PORT] = NODE.exec(text.trim()) ?? []
  if (host === undefined || Number(port) < 1 || Number(port) > 65_535) return null
  return { host: host.replace(/^\[|\]$/g, ''), port: Number(port) }
}

/** '' = none; null = not what percent-encoding yields. */
function decoded(text = ''): string | null {
  try {
    return decodeURIComponent(text)
  } catch {
    return null
  }
}
