import type { Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import en from '../../apps/admin/messages/en.json' with { type: 'json' }
import zh from '../../apps/admin/messages/zh.json' with { type: 'json' }
import { signIn } from '../support/admin.ts'
import { chromiumPath, keepShot, openPage, openPanelWorld, type PanelWorld, settle, signInPanel } from './browser.ts'
import { OWN_PAGES, PAGES, PAGES_OF_MONEY } from './pages.ts'

/** English texts that the Chinese page must not show. */
const ENGLISH = new Set(
  Object.entries(en)
    .filter(([name, text]) => Reflect.get(zh, name) !== text && !text.includes('{'))
    .map(([, text]) => text),
)
const NAMES_IN_QUICK_START = ['Owner', 'Sandbox', 'Default']

async function visibleTexts(page: Page): Promise<string[]> {
  const text = await page.locator('body').innerText()
  const labels = await page.evaluate(() =>
    [...document.querySelectorAll('[aria-label], [placeholder], [title]')].flatMap((element) =>
      ['aria-label', 'placeholder', 'title'].map((name) => element.getAttribute(name) ?? ''),
    ),
  )
  return [...text.split('\n'), ...labels].map((line) => line.trim())
}

describe.skipIf(!chromiumPath)('the panel in both languages', () => {
  let world: PanelWorld
  /** Names that somebody gave, or may change: they are the same in every language. */
  let names: Set<string>

  beforeAll(async () => {
    world = await openPanelWorld()
    const api = await signIn(world.turnpike)
    const { items } = await api.alerts.rules.list.query({ limit: 100 })
    await api.$connection.close()
    names = new Set([...NAMES_IN_QUICK_START, ...items.map(({ name }) => name)])
  })
  afterAll(() => world?.[Symbol.asyncDispose]())

  test('greets in the language of the browser', async () => {
    await using opened = await openPage(world.browser, { locale: 'zh-CN' })
    await opened.page.goto(world.turnpike.origin)
    await opened.page.getByRole('button', { name: '登录' }).waitFor()
    expect(await opened.page.locator('html').getAttribute('lang')).toBe('zh-CN')
  })

  test.each([...PAGES, ...PAGES_OF_MONEY, ...OWN_PAGES])(
    'leaves nothing of %s in English when it is Chinese',
    async (path) => {
      await using opened = await openPage(world.browser, { locale: 'zh-CN', colorScheme: 'dark' })
      const { page, faults } = opened
      await signInPanel(page, world.turnpike, path)
      await settle(page)
      const left = (await visibleTexts(page)).filter((text) => ENGLISH.has(text) && !names.has(text))
      expect(left).toEqual([])
      await keepShot(page, `zh${path.replace(/\W+/g, '-')}`)
      expect(faults).toEqual([])
    },
  )

  test('changes language in place, keeps what was typed, and remembers', async () => {
    await using opened = await openPage(world.browser)
    const { page } = opened
    await signInPanel(page, world.turnpike, '/accounts')
    await page.getByLabel('Search accounts').fill('sand')
    await page.waitForURL('**/accounts?q=sand')
    await page.getByRole('button', { name: 'User menu' }).click()
    await page.getByRole('menuitemradio', { name: '中文' }).click()
    await page.getByRole('heading', { name: '账号' }).waitFor()
    expect(await page.getByLabel('搜索账号').inputValue()).toBe('sand')

    await page.reload()
    await page.getByRole('heading', { name: '账号' }).waitFor()
    expect(new URL(page.url()).search).toBe('?q=sand')
  })
})
