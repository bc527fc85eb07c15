import type { Provider } from '../words.ts'

const OPENAI_BASE_URL = 'https://api.openai.com/v1'
const VERSION_SEGMENT = /^v\d+(?:(?:alpha|beta)\d*)?$/

/**
 * An account's base address in its one stored form: `scheme://host[:port]/path` up to and including the API version,
 * no slash at the end, so that `<base>/chat/completions` is the address to call. Null where the text is no such address.
 */
export function normaliseBaseUrl(provider: Provider, address: string): string | null {
  const url = URL.parse(address.trim())
  if (!url || !/^https?:$/.test(url.protocol) || url.username || url.password || url.search || url.hash) return null
  const segments = url.pathname.split('/').filter((segment) => segment !== '')
  if (provider === 'azure-openai' && segments.length === 0) segments.push('openai')
  if (!segments.some((segment) => VERSION_SEGMENT.test(segment))) segments.push('v1')
  return `${url.origin}/${segments.join('/')}`
}

/** The address of a provider that has only one; null where the administrator must give it. */
export function defaultBaseUrl(provider: Provider): string | null {
  return provider === 'openai' ? OPENAI_BASE_URL : null
}
