import { mkdtemp, rm, utimes, writeFile } from 'node:fs/promises'
import { ServerResponse } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { createPanelHeaders } from './panel-headers.ts'

let panelDir: string

beforeEach(async () => {
  panelDir = await mkdtemp(join(tmpdir(), 'panel-headers-'))
})
afterEach(() => rm(panelDir, { recursive: true }))

async function build(policy: string, atSeconds: number) {
  const page = join(panelDir, 'index.html')
  await writeFile(page, `<head><meta http-equiv="content-security-policy" content="${policy}"></head>`)
  await utimes(page, atSeconds, atSeconds)
}

function policyOf(panelHeaders: ReturnType<typeof createPanelHeaders>) {
  const response = new ServerResponse({ method: 'GET' } as never)
  panelHeaders(response)
  return response.getHeader('content-security-policy')
}

test('the header is the policy of the page, with its hash, and what only a header can say', async () => {
  await build("script-src 'self' 'sha256-abc='", 1)
  expect(policyOf(createPanelHeaders(panelDir))).toBe(
    "script-src 'self' 'sha256-abc='; frame-ancestors 'none'; object-src 'none'",
  )
})

test('a panel that is built anew brings its new hash', async () => {
  const panelHeaders = createPanelHeaders(panelDir)
  await build("script-src 'sha256-old='", 1)
  expect(policyOf(panelHeaders)).toContain('sha256-old=')
  await build("script-src 'sha256-new='", 2)
  expect(policyOf(panelHeaders)).toContain('sha256-new=')
})

test('without a page, or with one that names no policy, nothing may run', async () => {
  expect(policyOf(createPanelHeaders(panelDir))).toContain("default-src 'none'")
  await writeFile(join(panelDir, 'index.html'), '<script>alert(1)</script>')
  expect(policyOf(createPanelHeaders(panelDir))).toContain("default-src 'none'")
})
