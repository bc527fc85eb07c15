import type { Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { signIn } from '../support/admin.ts'
import { waitFor } from '../support/wait-for.ts'
import { chromiumPath, keepShot, openPage, openPanelWorld, type PanelWorld, settle, signInPanel } from './browser.ts'

const PAGES = ['/', '/requests', '/errors', '/accounts', '/groups', '/alerts', '/usage', '/settings/general', '/my']
const WIDTHS = [1440, 1024, 390] as const
/** From here on no table needs to be moved sideways. */
const TABLES_FIT_PX = 1024
const HEIGHT = 900
const WRITTEN_MS = 60_000

/** Each page is seen in both themes and both languages: what is odd at one width is even at the next. */
const LOOKS = [
  { colorScheme: 'light', locale: 'en-US' },
  { colorScheme: 'dark', locale: 'zh-CN' },
  { colorScheme: 'dark', locale: 'en-US' },
  { colorScheme: 'light', locale: 'zh-CN' },
] as const

const CASES = WIDTHS.flatMap((width, at) =>
  [0, 1].map((odd) => {
    const look = LOOKS[(at + 2 * odd) % LOOKS.length] ?? LOOKS[0]
    return { ...look, width, pages: PAGES.filter((_, index) => index % 2 === odd) }
  }),
)

function wideTables(page: Page): Promise<string[]> {
  return page.locator('main table').evaluateAll((tables) =>
    tables.flatMap((table) => {
      const over = table.scrollWidth - (table.parentElement?.clientWidth ?? 0)
      return over > 0 ? [`${table.querySelector('caption')?.textContent?.trim()}, ${over} px`] : []
    }),
  )
}

describe.skipIf(!chromiumPath)('the panel at every width', () => {
  let world: PanelWorld

  beforeAll(async () => {
    world = await openPanelWorld()
    const { gatewayUrl, apiKey } = world.turnpike.facts
    const headers = { authorization: `Bearer ${apiKey}`, 'content-type': 'application/json' }
    for (const model of ['sandbox-small', 'sandbox-small', 'nobody-serves-it', 'sandbox-small']) {
      const body = JSON.stringify({ model, messages: [{ role: 'user', content: 'Hello' }] })
      await fetch(`${gatewayUrl}/chat/completions`, { method: 'POST', headers, body }).then((answer) => answer.text())
    }
    const api = await signIn(world.turnpike)
    await waitFor(
      'the requests and the error to be written',
      async () =>
        (await api.ops.requests.list.query({})).items.length === 4 &&
        (await api.ops.errors.list.query({})).items.length > 0,
      WRITTEN_MS,
    )
    await api.$connection.close()
  })
  afterAll(() => world?.[Symbol.asyncDispose]())

  test.each(CASES)('nothing sticks out at $width pixels, $colorScheme, $locale', async (shown) => {
    const { width, colorScheme, locale, pages } = shown
    await using opened = await openPage(world.browser, { viewport: { width, height: HEIGHT }, colorScheme, locale })
    const { page, faults } = opened
    page.on('console', (message) => {
      if (message.type() === 'error') faults.push(`console: ${message.text()}`)
    })
    await signInPanel(page, world.turnpike, '/groups')
    faults.length = 0
    const wide: string[] = []
    for (const path of pages) {
      await page.goto(world.turnpike.origin + path)
      await page.locator('#main').waitFor()
      await settle(page)
      const scrollWidth = await page.evaluate(() => document.documentElement.scrollWidth)
      if (scrollWidth > width) wide.push(`${path}: ${scrollWidth}`)
      if (width >= TABLES_FIT_PX) wide.push(...(await wideTables(page)).map((table) => `${path}: ${table}`))
      await keepShot(page, `width-${width}-${colorScheme}-${locale}${path.replace(/\W+/g, '-')}`)
    }
    expect(wide).toEqual([])
    expect(faults).toEqual([])
  })

  test('what is far down the dashboard comes when it is scrolled to, and is sorted by a click', async () => {
    await using opened = await openPage(world.browser)
    const { page, faults } = opened
    await signInPanel(page, world.turnpike)
    for (const { heading, column } of [
      { heading: 'Comparison', column: 'Error rate' },
      { heading: 'Instances', column: 'CPU' },
    ]) {
      await page.getByRole('heading', { name: heading, exact: true }).scrollIntoViewIfNeeded()
      const table = page.getByRole('table', { name: heading, exact: true })
      await table.getByRole('row').nth(1).waitFor()
      await table.getByRole('link', { name: column, exact: true }).click()
      await table.getByRole('columnheader', { name: column, exact: true }).and(page.locator('[aria-sort]')).waitFor()
      await keepShot(page, `dashboard-${heading.toLowerCase()}`)
    }
    expect(faults).toEqual([])
  })
})
