import type { IncomingHttpHeaders } from 'node:http'
import ipaddr from 'ipaddr.js'

export interface OriginRulesOptions {
  /** Where Express listens, as HOST says. */
  listenHost: string
  /** The panel's public origin. */
  publicUrl: string | null
  /** TURNPIKE_ALLOWED_HOSTS: names with or without a port. */
  allowedHosts: readonly string[]
  /** TURNPIKE_CORS_ORIGINS. */
  corsOrigins: readonly string[]
}

/** Where a request comes from: our own pages, an origin that may call with a token (never a cookie), or neither. */
export type Standing = 'own' | 'foreign' | 'refused' | 'absent'

export type OriginRules = ReturnType<typeof createOriginRules>

/** Who may speak to the panel's side of the server, by Host and Origin. */
export function createOriginRules({ listenHost, publicUrl, allowedHosts, corsOrigins }: OriginRulesOptions) {
  const publicOrigin = publicUrl === null ? null : originOf(publicUrl)
  const foreign = new Set(corsOrigins.map(originOf))
  const named = new Set([...allowedHosts, ...(publicOrigin ? [new URL(publicOrigin).hostname] : [])].map(nameOf))
  const isOpen = allowedHosts.length === 0 && !isLoopback(listenHost)

  /**
   * A page of another name that was made to resolve to us (DNS rebinding) sends its own name as Host. Loopback names,
   * addresses, the public name and allowed names are ours; listening beyond loopback without an allow-list, any name is.
   */
  function isAllowedHost(host: string | undefined): boolean {
    const name = nameOf(host ?? '')
    if (name === null) return false
    return isOpen || named.has(name) || name === 'localhost' || name.endsWith('.localhost') || isAddress(name)
  }

  /** How an Origin header stands to a request that was made to `host`. */
  function standingOf(origin: string | undefined, host: string | undefined): Standing {
    if (origin === undefined) return 'absent'
    const parsed = originOf(origin)
    if (parsed === null) return 'refused'
    if (parsed === publicOrigin || isSameHost(parsed, host)) return 'own'
    return foreign.has(parsed) ? 'foreign' : 'refused'
  }

  /**
   * The same for plain HTTP, where Fetch Metadata has the last word: a browser that names the relation is believed.
   * Neither header: no browser, for each of them sends one with every POST.
   */
  function standingOfRequest({ origin, host, 'sec-fetch-site': site }: IncomingHttpHeaders): Standing {
    const standing = standingOf(origin, host)
    const isOwn = site === undefined || site === 'same-origin' || site === 'none'
    return isOwn || standing === 'foreign' ? standing : 'refused'
  }

  return { isAllowedHost, standingOf, standingOfRequest }
}

/** The canonical origin of an http(s) URL; null for anything else, `null` included. */
function originOf(text: string): string | null {
  const url = URL.parse(text)
  return url && (url.protocol === 'http:' || url.protocol === 'https:') ? url.origin : null
}

// The scheme is not compared: behind a proxy that ends TLS we see http where the page sees https.
function isSameHost(origin: string, host: string | undefined): boolean {
  const { protocol, host: originHost } = new URL(origin)
  return host !== undefined && URL.parse(`${protocol}//${host}`)?.host === originHost
}

/** A Host header's name without its port, lower case; null where it is none. */
function nameOf(host: string): string | null {
  if (host === '' || /[\s/@?#\\]/.test(host)) return null
  return URL.parse(`http://${host}`)?.hostname ?? null
}

function isAddress(name: string): boolean {
  return ipaddr.isValid(name.replace(/^\[|\]$/g, ''))
}

function isLoopback(host: string): boolean {
  return host === 'localhost' || (ipaddr.isValid(host) && ipaddr.process(host).range() === 'loopback')
}
