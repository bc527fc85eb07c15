import type { Page, Route } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { chromiumPath, keepShot, openPage, openPanelWorld, type PanelWorld, settle, signInPanel } from '../browser.ts'
import { frameTimes } from '../frames.ts'
import { plantRequests } from '../plant-requests.ts'

const ROWS = 50_000
const POINTS = 10_000
const LOAD_MS = 600_000
const WHEELS = 400
const WHEEL_PX = 300
const FLINGS = 40
const MOVES = 400
/** A machine without a graphics card, with other things to do, is not to fail: an even worse figure is a fault. */
const MEDIAN_MS = 50
const LONG_SHARE = 0.25

async function wheel(page: Page, times: number, px: number): Promise<void> {
  for (let time = 0; time < times; time++) {
    await page.mouse.wheel(0, px)
    await page.evaluate(() => new Promise((resolve) => requestAnimationFrame(resolve)))
  }
}

/** Puts many points into what the page is told of traffic over time. */
async function widen(route: Route): Promise<void> {
  const names = new URL(route.request().url()).pathname.split('/').at(-1)?.split(',') ?? []
  const response = await route.fetch()
  const answers: { result: { data: { points?: { at: string; requests: number }[] } } }[] = await response.json()
  for (const [index, { result }] of answers.entries()) {
    const last = result.data.points?.at(-1)
    if (names[index] !== 'ops.throughput' || last === undefined) continue
    const endMs = Date.parse(last.at)
    result.data.points = Array.from({ length: POINTS }, (_, point) => ({
      ...last,
      at: new Date(endMs - (POINTS - point) * 6_000).toISOString(),
      requests: 500 + Math.round(400 * Math.sin(point / 90)) + (point % 17),
    }))
  }
  await route.fulfill({ response, json: answers })
}

describe.skipIf(!chromiumPath)('frame times', () => {
  let world: PanelWorld

  beforeAll(async () => {
    world = await openPanelWorld()
    await plantRequests(world.turnpike, ROWS)
  })
  afterAll(() => world?.[Symbol.asyncDispose]())

  test('50,000 loaded rows scroll smoothly', { timeout: 2 * LOAD_MS }, async () => {
    await using opened = await openPage(world.browser)
    const { page, faults } = opened
    await signInPanel(page, world.turnpike, '/requests')
    await settle(page)
    await page.mouse.move(700, 500)
    const loading = await frameTimes(page, 'scroll-while-loading', () => wheel(page, WHEELS, WHEEL_PX))
    const more = page.getByTestId('more-rows')
    const all = await frameTimes(page, 'load-50000', () =>
      expect
        .poll(
          async () => {
            await page.evaluate(() => scrollTo(0, document.documentElement.scrollHeight))
            return await more.getAttribute('data-state')
          },
          { timeout: LOAD_MS, interval: 100 },
        )
        .toMatch(/^(full|end)$/),
    )
    await more.getByText('50,000 rows').waitFor()
    await page.evaluate(() => scrollTo(0, 1_000_000))
    const scrolling = await frameTimes(page, 'scroll-50000', () => wheel(page, WHEELS, WHEEL_PX))
    const flinging = await frameTimes(page, 'fling-50000', () => wheel(page, FLINGS, 50_000))
    await keepShot(page, 'frames-50000')
    expect(await page.locator('tr[data-row]').count()).toBeLessThan(100)
    for (const { medianMs, longShare } of [loading, scrolling, flinging]) {
      expect(medianMs).toBeLessThan(MEDIAN_MS)
      expect(longShare).toBeLessThan(LONG_SHARE)
    }
    expect(all.medianMs).toBeLessThan(MEDIAN_MS)
    expect(faults).toEqual([])
  })

  test('the crosshair goes smoothly over 10,000 points', { timeout: LOAD_MS }, async () => {
    await using opened = await openPage(world.browser)
    const { page, faults } = opened
    await page.route('**/trpc/*ops.throughput*', widen)
    await signInPanel(page, world.turnpike)
    const chart = page.locator('.uplot .u-over').nth(1)
    await chart.waitFor()
    await settle(page)
    await chart.scrollIntoViewIfNeeded()
    const box = await chart.boundingBox()
    if (box === null) throw new Error('the chart is not drawn')
    await keepShot(page, 'frames-10000')
    const { medianMs, longShare } = await frameTimes(page, 'crosshair-10000', async () => {
      for (let move = 0; move < MOVES; move++) {
        await page.mouse.move(box.x + (box.width * (move % 100)) / 100, box.y + box.height / 2)
        await page.evaluate(() => new Promise((resolve) => requestAnimationFrame(resolve)))
      }
    })
    expect(medianMs).toBeLessThan(MEDIAN_MS)
    expect(longShare).toBeLessThan(LONG_SHARE)
    expect(faults).toEqual([])
  })
})
