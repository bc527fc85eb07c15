import { readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import type { AxeResults } from 'axe-core'
import type { Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { signIn } from '../support/admin.ts'
import { waitFor } from '../support/wait-for.ts'
import {
  chromiumPath,
  keepShot,
  openPage,
  openPanelWorld,
  type PanelWorld,
  settle,
  signInPanel,
  untilFocused,
} from './browser.ts'
import { OWN_PAGES, PAGES, PAGES_OF_MONEY } from './pages.ts'

const AXE = createRequire(import.meta.url).resolve('axe-core/axe.min.js')

/** They are many, and axe looks at each for a second or more. */
const MANY_PAGES_MS = 900_000

/** A rule judges whole minutes: it is made first, so that it fires while the other tests run. */
const FIRES_MS = 200_000
const ALWAYS_FIRING = {
  name: 'Always firing',
  metric: 'memory_usage_percent' as const,
  operator: '>' as const,
  threshold: 0,
  windowMinutes: 1,
  forMinutes: 0,
  minSamples: 0,
}

async function violations(page: Page): Promise<string[]> {
  await page.evaluate(await readFile(AXE, 'utf8'))
  // Colours fade in: what is judged is what they come to.
  await page.evaluate(() =>
    // What goes while it fades is cancelled.
    Promise.allSettled(document.getAnimations().map(({ finished }) => finished)).then(() => undefined),
  )
  const results = await page.evaluate<AxeResults>('axe.run(document)')
  return results.violations.flatMap(({ id, nodes }) => nodes.map(({ html }) => `${id}: ${html}`))
}

describe.skipIf(!chromiumPath)('the panel for everybody', () => {
  let world: PanelWorld
  let ruleId: number

  beforeAll(async () => {
    world = await openPanelWorld()
    const api = await signIn(world.turnpike)
    ruleId = (await api.alerts.rules.create.mutate(ALWAYS_FIRING)).id
    await api.$connection.close()
    const { gatewayUrl, apiKey } = world.turnpike.facts
    const body = JSON.stringify({ model: 'sandbox-small', messages: [{ role: 'user', content: 'Hello' }] })
    const headers = { authorization: `Bearer ${apiKey}`, 'content-type': 'application/json' }
    await fetch(`${gatewayUrl}/chat/completions`, { method: 'POST', headers, body }).then((answer) => answer.json())
  })
  afterAll(() => world?.[Symbol.asyncDispose]())

  test.each(['light', 'dark'] as const)(
    'axe finds nothing, %s',
    async (colorScheme) => {
      await using opened = await openPage(world.browser, { colorScheme })
      const { page } = opened
      await page.goto(world.turnpike.origin)
      await page.getByLabel('Password').waitFor()
      const found = [...(await violations(page))]
      await signInPanel(page, world.turnpike)
      for (const path of PAGES) {
        await page.goto(world.turnpike.origin + path)
        await page.locator('#main').waitFor()
        await settle(page)
        found.push(...(await violations(page)).map((violation) => `${path} ${violation}`))
      }
      await page.goto(`${world.turnpike.origin}/requests`)
      await page.locator('tbody a').first().click()
      await page.getByText('Where the time went').waitFor()
      found.push(...(await violations(page)).map((violation) => `request ${violation}`))
      expect(found).toEqual([])
    },
    MANY_PAGES_MS,
  )

  test.each([
    { what: 'pages of money', pages: PAGES_OF_MONEY, colorScheme: 'light' as const },
    { what: 'pages of money', pages: PAGES_OF_MONEY, colorScheme: 'dark' as const },
    { what: 'pages of one’s own', pages: OWN_PAGES, colorScheme: 'light' as const },
    { what: 'pages of one’s own', pages: OWN_PAGES, colorScheme: 'dark' as const },
  ])('axe finds nothing on $what, $colorScheme', async ({ pages, colorScheme }) => {
    await using opened = await openPage(world.browser, { colorScheme })
    const { page } = opened
    await page.goto(`${world.turnpike.origin}/invite#of-nobody`)
    await page.getByLabel('New password').waitFor()
    const found = [...(await violations(page))]
    await signInPanel(page, world.turnpike, pages[0])
    for (const path of pages) {
      await page.goto(world.turnpike.origin + path)
      await page.locator('#main').waitFor()
      await settle(page)
      found.push(...(await violations(page)).map((violation) => `${path} ${violation}`))
    }
    expect(found).toEqual([])
  })

  test('the keyboard alone signs in, jumps, fills a form and ends where it began', async () => {
    await using opened = await openPage(world.browser)
    const { page, faults } = opened
    const { keyboard } = page
    await page.goto(world.turnpike.origin)
    await untilFocused(page.getByLabel('E-mail'))
    await keyboard.type(world.turnpike.facts.adminEmail)
    await keyboard.press('Tab')
    await keyboard.type(world.turnpike.facts.adminPassword)
    await keyboard.press('Enter')
    await page.locator('#main').waitFor()

    await keyboard.press('Control+k')
    await untilFocused(page.getByPlaceholder('A page, an account'))
    await keyboard.type('gro')
    await keyboard.press('Enter')
    await page.waitForURL('**/groups')

    const add = page.getByRole('link', { name: 'Add group' })
    await add.focus()
    await keyboard.press('Enter')
    await untilFocused(page.getByRole('dialog').getByLabel('Name'))
    await keyboard.type('By keyboard')
    await keyboard.press('Tab')
    await keyboard.press('Space')
    await expect.poll(() => page.getByLabel('Members only').getAttribute('aria-checked')).toBe('true')
    await keyboard.press('Tab')
    await keyboard.press('ArrowDown')
    await page.getByRole('option', { name: 'From the balance' }).waitFor()
    await keyboard.press('ArrowDown')
    await keyboard.press('Enter')
    await page.getByLabel('Name').press('Enter')
    await page.getByRole('link', { name: 'By keyboard' }).waitFor()
    await keepShot(page, 'by-keyboard')
    expect(faults).toEqual([])
  })

  test('the keyboard alone makes account, group and key, and finds the request they served', async () => {
    await using opened = await openPage(world.browser)
    const { page, faults } = opened
    const { keyboard } = page
    await signInPanel(page, world.turnpike)

    await goTo(page, 'groups')
    await page.getByRole('link', { name: 'Add group' }).press('Enter')
    await untilFocused(page.getByRole('dialog').getByLabel('Name'))
    await keyboard.type('Typed group')
    await keyboard.press('Enter')
    await page.getByRole('link', { name: 'Typed group' }).waitFor()

    await goTo(page, 'accounts')
    await page.getByRole('link', { name: 'Add account' }).press('Enter')
    const account = page.getByRole('dialog')
    await untilFocused(account.getByLabel('Name'))
    await keyboard.type('Typed account')
    await chooseByKeys(page, 'Provider', 'Sandbox')
    await account.getByLabel('Upstream secret').press('x')
    await account.getByLabel('Typed group').press('Space')
    await account.getByLabel('Name').press('Enter')
    await page.getByRole('link', { name: 'Typed account' }).waitFor()

    await goTo(page, 'keys')
    await page.getByRole('link', { name: 'Create key' }).press('Enter')
    const key = page.getByRole('dialog')
    await untilFocused(key.getByLabel('Name'))
    await keyboard.type('Typed key')
    await key.getByLabel('User', { exact: true }).focus()
    await keyboard.type('Owner')
    await page.getByRole('option', { name: 'Owner' }).waitFor()
    await keyboard.press('ArrowDown')
    await keyboard.press('Enter')
    await key.getByLabel('Group', { exact: true }).focus()
    await keyboard.type('Typed')
    await page.getByRole('option', { name: 'Typed group' }).waitFor()
    await keyboard.press('ArrowDown')
    await keyboard.press('Enter')
    await key.getByLabel('Name').press('Enter')
    const secret = await page.getByTestId('secret').inputValue()
    await keyboard.press('Escape')
    const requestId = await complete(world.turnpike.facts.gatewayUrl, secret)

    await keyboard.press('Control+k')
    await untilFocused(page.getByPlaceholder('A page, an account'))
    await keyboard.type(requestId)
    await page.getByRole('option', { name: requestId }).waitFor()
    await keyboard.press('Enter')
    await page.getByText('Where the time went').waitFor()
    await page.getByText('Typed account').first().waitFor()
    await keyboard.press('?')
    await page.getByRole('dialog', { name: 'Keyboard shortcuts' }).waitFor()
    expect(faults).toEqual([])
  })

  test('the keyboard alone silences what fires', async () => {
    const api = await signIn(world.turnpike)
    await waitFor(
      'the rule to fire',
      async () => (await api.alerts.events.list.query({ status: 'firing', ruleId })).items.length > 0,
      FIRES_MS,
    )
    await using opened = await openPage(world.browser)
    const { page, faults } = opened
    await signInPanel(page, world.turnpike)
    await goTo(page, 'alerts')
    // A rule of those that come with Turnpike may fire meanwhile, too.
    const firing = page.getByRole('row').filter({ hasText: ALWAYS_FIRING.name })
    await firing.getByRole('link', { name: 'Silence', exact: true }).press('Enter')
    const form = page.getByRole('dialog')
    await form.getByLabel('Reason').press('K')
    await page.keyboard.type('nown, by keyboard')
    await page.keyboard.press('Enter')
    await form.waitFor({ state: 'detached' })
    await page.getByText('Known, by keyboard').waitFor()
    const { items } = await api.alerts.silences.list.query({ status: 'active' })
    expect(items).toMatchObject([{ ruleId, reason: 'Known, by keyboard' }])
    await api.$connection.close()
    expect(faults).toEqual([])
  })

  test('whoever wants little motion gets none', async () => {
    await using opened = await openPage(world.browser, { reducedMotion: 'reduce' })
    const { page } = opened
    await signInPanel(page, world.turnpike, '/groups?create=1')
    const dialog = page.getByRole('dialog')
    await dialog.waitFor()
    expect(
      await dialog.evaluate((element) => Number.parseFloat(getComputedStyle(element).animationDuration)),
    ).toBeLessThan(0.001)
  })

  test('dark and light follow the system, and the choice is remembered', async () => {
    await using opened = await openPage(world.browser, { colorScheme: 'dark' })
    const { page } = opened
    await signInPanel(page, world.turnpike)
    const theme = () => page.locator('html').getAttribute('data-theme')
    await expect.poll(theme).toBe('dark')
    await page.getByRole('button', { name: 'User menu' }).click()
    await page.getByRole('menuitemradio', { name: 'Light' }).click()
    await expect.poll(theme).toBe('light')
    await page.reload()
    await expect.poll(theme).toBe('light')
  })
})

async function goTo(page: Page, name: string): Promise<void> {
  await page.keyboard.press('Control+k')
  await untilFocused(page.getByPlaceholder('A page, an account'))
  await page.keyboard.type(name)
  await page.keyboard.press('Enter')
  await page.waitForURL(`**/${name}`)
}

async function chooseByKeys(page: Page, field: string, option: string): Promise<void> {
  await page.getByLabel(field).press('ArrowDown')
  await page.getByRole('option', { name: option }).waitFor()
  await page.keyboard.type(option)
  await page.keyboard.press('Enter')
}

/** The id of a request that the key made; it is in the ledger when this resolves with its answer read. */
async function complete(gatewayUrl: string, key: string): Promise<string> {
  const body = JSON.stringify({ model: 'sandbox-small', messages: [{ role: 'user', content: 'Hello' }] })
  const headers = { authorization: `Bearer ${key}`, 'content-type': 'application/json' }
  const answer = await fetch(`${gatewayUrl}/chat/completions`, { method: 'POST', headers, body })
  await answer.arrayBuffer()
  return answer.headers.get('x-request-id') ?? ''
}
