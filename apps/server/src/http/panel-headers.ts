import { readFileSync, statSync } from 'node:fs'
import type { ServerResponse } from 'node:http'
import { join } from 'node:path'

/** Until the panel is built nothing may run. */
const NO_PAGE = "default-src 'none'"
const META_POLICY = /<meta http-equiv="content-security-policy" content="([^"]+)"/i

/**
 * Security headers of the panel's pages. The build knows the hash of the page's bootstrap and names it in the page; the
 * header repeats that policy and adds what only a header can say. Read anew when the panel was built anew.
 */
export function createPanelHeaders(panelDir: string): (response: ServerResponse) => void {
  const page = join(panelDir, 'index.html')
  let readOf = -1
  let policy = NO_PAGE

  return (response) => {
    const builtAtMs = statSync(page, { throwIfNoEntry: false })?.mtimeMs ?? 0
    if (builtAtMs !== readOf) {
      policy = builtAtMs === 0 ? NO_PAGE : (META_POLICY.exec(readFileSync(page, 'utf8'))?.[1] ?? NO_PAGE)
      readOf = builtAtMs
    }
    response.setHeader('content-security-policy', `${policy}; frame-ancestors 'none'; object-src 'none'`)
    response.setHeader('x-content-type-options', 'nosniff')
    response.setHeader('x-frame-options', 'DENY')
    response.setHeader('referrer-policy', 'no-referrer')
    response.setHeader('cross-origin-opener-policy', 'same-origin')
    response.setHeader('cross-origin-resource-policy', 'same-origin')
    response.setHeader('permissions-policy', 'camera=(), microphone=(), geolocation=()')
  }
}
