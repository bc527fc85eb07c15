import type { Endpoint } from './plan.ts'
import { Refusal } from './refusal.ts'

export type Route =
  | { to: 'answer'; endpoint: Endpoint }
  | { to: 'stored'; id: string; action: string | undefined; query: URLSearchParams }
  | { to: 'inbox' }
  | { to: 'models' }
  | { to: 'model'; id: string }

const ANSWERS: Record<string, Endpoint> = {
  '/chat/completions': 'chat',
  '/responses': 'responses',
  '/embeddings': 'embeddings',
  '/completions': 'completions',
  '/moderations': 'moderations',
  '/images/generations': 'images',
  '/audio/speech': 'speech',
  '/audio/transcriptions': 'transcriptions',
}

/** Takes webhooks, as a receiver of alerts would. */
export const INBOX_PATH = '/inbox'

/** Paths work with and without `/v1` (and Azure's `/openai/v1`). @throws Refusal 404 or 405 */
export function routeOf(method: string, url: string): Route {
  const query = url.indexOf('?')
  const path = (query === -1 ? url : url.slice(0, query)).replace(/^(\/openai)?\/v1(?=\/)/, '')
  if (path === INBOX_PATH && method === 'POST') return { to: 'inbox' }
  const endpoint = ANSWERS[path]
  if (endpoint !== undefined) {
    if (method === 'POST') return { to: 'answer', endpoint }
    throw new Refusal(405, 'method_not_allowed', `Only POST requests are accepted here, not ${method}.`)
  }
  if (path === '/models' && method === 'GET') return { to: 'models' }
  if (path.startsWith('/models/') && method === 'GET')
    return { to: 'model', id: decoded(path.slice('/models/'.length)) }
  const stored = /^\/responses\/([^/]+)(?:\/([^/]+))?$/.exec(path)
  if (stored?.[1] !== undefined)
    return {
      to: 'stored',
      id: stored[1],
      action: stored[2],
      query: new URLSearchParams(query === -1 ? '' : url.slice(query)),
    }
  throw new Refusal(404, 'unknown_url', `Invalid URL (${method} ${path})`)
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    // A broken escape names no model; the list will say so.
    return text
  }
}
