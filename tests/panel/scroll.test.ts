import { readFile } from 'node:fs/promises'
import type { Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { chromiumPath, keepShot, openPage, openPanelWorld, type PanelWorld, settle, signInPanel } from './browser.ts'
import { plantRequests } from './plant-requests.ts'

const ROWS = 2_000
const FIRST_ROWS = 100
const MORE_ROWS = 200
/** A window of 900 pixels holds about twenty. */
const DRAWN = 80
const WHEEL_PX = 700
const STILL_MS = 500
const POLL = { timeout: 30_000 }

/** The rows that are drawn: their place in the list, and their models. */
function drawn(page: Page): Promise<{ index: number; model: string }[]> {
  return page.evaluate(() =>
    [...document.querySelectorAll('tr[data-row]')].map((row, place) => ({
      index: Number(row.getAttribute('aria-rowindex') ?? place + 2) - 2,
      model: row.querySelector('span[title^="row-"]')?.textContent ?? '',
    })),
  )
}

function stateOf(page: Page): Promise<string | null> {
  return page.getByTestId('more-rows').getAttribute('data-state')
}

function rowOf(page: Page, row: number) {
  return page.locator('tr', { has: page.getByTitle(`row-${row}`, { exact: true }) })
}

async function openIdOf(page: Page): Promise<string> {
  return (await page.getByTestId('open-request').textContent())?.trim() ?? ''
}

async function idOf(page: Page, row: number): Promise<string> {
  return (await rowOf(page, row).locator('a').getAttribute('data-request')) ?? ''
}

/** Cursors of the pages that were asked for; null = the first. */
function watchPages(page: Page): (string | null)[] {
  const cursors: (string | null)[] = []
  page.on('request', (request) => {
    if (!request.url().includes('ops.requests.list')) return
    const asked = request.postData() ?? decodeURIComponent(request.url())
    cursors.push(/"cursor":"([^"]+)"/.exec(asked)?.[1] ?? null)
  })
  return cursors
}

describe.skipIf(!chromiumPath)('a long list', () => {
  let world: PanelWorld

  beforeAll(async () => {
    world = await openPanelWorld()
    await plantRequests(world.turnpike, ROWS)
  })
  afterAll(() => world?.[Symbol.asyncDispose]())

  test('comes page by page while it is scrolled, in its order, and only what is near is drawn', async () => {
    await using opened = await openPage(world.browser)
    const { page, faults } = opened
    await signInPanel(page, world.turnpike, '/settings/general')
    const cursors = watchPages(page)
    await page.goto(`${world.turnpike.origin}/requests`)
    await settle(page)
    await rowOf(page, FIRST_ROWS - 1).waitFor()
    expect(cursors).toEqual([null])
    expect(await stateOf(page)).toBe('idle')

    const seen = new Map((await drawn(page)).map(({ index, model }) => [index, model]))
    expect(seen.size).toBe(FIRST_ROWS)
    let most = 0
    await page.mouse.move(700, 500)
    await expect
      .poll(
        async () => {
          await page.mouse.wheel(0, WHEEL_PX)
          const rows = await drawn(page)
          if (seen.size > FIRST_ROWS) most = Math.max(most, rows.length)
          for (const { index, model } of rows) seen.set(index, model)
          if (seen.size > ROWS / 2 && seen.size < ROWS / 2 + DRAWN) {
            // Not while it is still moving.
            await page.waitForTimeout(STILL_MS)
            await keepShot(page, 'scrolled-middle')
          }
          return rows.at(-1)?.index
        },
        { timeout: 120_000, interval: 50 },
      )
      .toBe(ROWS - 1)
    expect(most).toBeLessThanOrEqual(DRAWN)
    expect(seen.size).toBe(ROWS)
    expect([...seen].filter(([index, model]) => model !== `row-${index}`)).toEqual([])
    expect(cursors).toHaveLength(1 + Math.ceil((ROWS - FIRST_ROWS) / MORE_ROWS))
    expect(new Set(cursors).size).toBe(cursors.length)

    await page.keyboard.press('End')
    await page.getByText('All 2,000 rows').waitFor()
    expect(await stateOf(page)).toBe('end')
    const table = page.getByRole('table', { name: 'Requests' })
    expect(await table.getAttribute('aria-rowcount')).toBe(String(ROWS + 1))
    await keepShot(page, 'scrolled-end')

    const download = page.waitForEvent('download')
    await page.getByRole('button', { name: 'CSV' }).click()
    const lines = (await readFile(await (await download).path(), 'utf8')).trimEnd().split('\r\n')
    expect(lines).toHaveLength(ROWS + 1)
    expect(faults).toEqual([])
  })

  test('the keys go through it as it is sorted, and past the last row that is loaded', async () => {
    await using opened = await openPage(world.browser)
    const { page, faults } = opened
    await signInPanel(page, world.turnpike, '/requests')
    await page.goto(`${world.turnpike.origin}/requests?sort=total`)
    await page.locator('[aria-sort="ascending"]').waitFor()
    await expect.poll(() => page.locator('tbody a').first().getAttribute('data-request'), POLL).not.toBe(null)
    const order = await page
      .locator('tbody a[data-request]')
      .evaluateAll((links) => links.map((link) => link.getAttribute('data-request')))
    await page.locator('tbody a[data-request]').nth(1).click()
    await expect.poll(() => openIdOf(page), POLL).toBe(order[1])
    await page.keyboard.press('ArrowDown')
    await expect.poll(() => openIdOf(page), POLL).toBe(order[2])
    await page.keyboard.press('ArrowUp')
    await expect.poll(() => openIdOf(page), POLL).toBe(order[1])
    await page.keyboard.press('ArrowUp')
    await expect.poll(() => openIdOf(page), POLL).toBe(order[0])

    const last = order[FIRST_ROWS - 1] ?? ''
    const cursors = watchPages(page)
    await page.goto(`${world.turnpike.origin}/requests?sort=total&open=${last}`)
    await page.getByText('Where the time went').waitFor()
    await page.locator('tr[aria-current="true"]').waitFor()
    expect(cursors).toEqual([null])
    await page.keyboard.press('ArrowDown')
    await expect.poll(() => openIdOf(page), POLL).not.toBe(last)
    expect(cursors).toHaveLength(2)
    const next = await openIdOf(page)
    await keepShot(page, 'scrolled-drawer')
    await page.keyboard.press('Escape')
    await expect.poll(() => page.evaluate(() => document.activeElement?.getAttribute('data-request')), POLL).toBe(next)
    expect(faults).toEqual([])
  })

  test('a link to a row far down opens it, and a page that does not come is asked for again by hand', async () => {
    await using opened = await openPage(world.browser)
    const { page, faults } = opened
    await signInPanel(page, world.turnpike, '/requests')
    await rowOf(page, 0).waitFor()
    await page.route('**/ops.requests.list**', (route) => route.abort())
    await page.getByTestId('more-rows').scrollIntoViewIfNeeded()
    await expect.poll(() => stateOf(page), POLL).toBe('failed')
    await keepShot(page, 'scrolled-failed')
    await page.unroute('**/ops.requests.list**')
    await page.getByTestId('more-rows').getByRole('button', { name: 'Try again' }).press('Enter')
    await expect.poll(() => page.locator(`tr[aria-rowindex="${FIRST_ROWS + 2}"]`).count(), POLL).toBe(1)
    await rowOf(page, FIRST_ROWS).scrollIntoViewIfNeeded()
    const far = await idOf(page, FIRST_ROWS + 5)

    const cursors = watchPages(page)
    await page.goto(`${world.turnpike.origin}/requests?open=${far}`)
    await page.getByText('Where the time went').waitFor()
    expect(await openIdOf(page)).toBe(far)
    expect(cursors).toEqual([null])
    expect(faults).toEqual([])
  })
})
