import { gzipSync } from 'node:zlib'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { chromiumPath, openPage, openPanelWorld, type PanelWorld, signInPanel } from './browser.ts'

const MAX_SCRIPT_BYTES = 200 * 1024
const MAX_SHIFT = 0.05
const FIRST_CONTENT_MS = 1_500

describe.skipIf(!chromiumPath)('the weight of the dashboard', () => {
  let world: PanelWorld

  beforeAll(async () => {
    world = await openPanelWorld()
  })
  afterAll(() => world?.[Symbol.asyncDispose]())

  test('its first load, signing in included, is at most 200 KiB of compressed script', async () => {
    await using opened = await openPage(world.browser)
    const { page } = opened
    const sizes = new Map<string, Promise<number>>()
    page.on('response', (response) => {
      if (response.request().resourceType() !== 'script') return
      sizes.set(
        response.url(),
        response.body().then((body) => gzipSync(body).length),
      )
    })
    await signInPanel(page, world.turnpike)
    await page.locator('canvas').first().waitFor()
    await page.waitForLoadState('networkidle')
    const total = (await Promise.all(sizes.values())).reduce((sum, size) => sum + size, 0)
    expect(sizes.size).toBeGreaterThan(0)
    expect(total).toBeLessThanOrEqual(MAX_SCRIPT_BYTES)
  })

  test('it shows something soon and moves nothing about', async () => {
    await using opened = await openPage(world.browser)
    const { page } = opened
    await signInPanel(page, world.turnpike)
    await page.addInitScript(() => {
      Reflect.set(globalThis, 'shift', 0)
      new PerformanceObserver((list) => {
        for (const entry of list.getEntries()) {
          const shift = Number(Reflect.get(entry, 'value'))
          Reflect.set(globalThis, 'shift', Reflect.get(globalThis, 'shift') + shift)
        }
      }).observe({ type: 'layout-shift', buffered: true })
    })
    await page.reload()
    await page.locator('canvas').first().waitFor()
    await page.waitForLoadState('networkidle')
    const firstContentMs = await page.evaluate(
      () => performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? Number.POSITIVE_INFINITY,
    )
    expect(firstContentMs).toBeLessThanOrEqual(FIRST_CONTENT_MS)
    expect(await page.evaluate(() => Number(Reflect.get(globalThis, 'shift')))).toBeLessThanOrEqual(MAX_SHIFT)
  })
})
