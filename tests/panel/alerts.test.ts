import type { Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { signIn } from '../support/admin.ts'
import { chromiumPath, keepShot, openPage, openPanelWorld, type PanelWorld, settle, signInPanel } from './browser.ts'

async function confirm(page: Page, action: string): Promise<void> {
  await page.getByRole('alertdialog').getByRole('button', { name: action }).click()
}

describe.skipIf(!chromiumPath)('alerting in the panel', () => {
  let world: PanelWorld

  beforeAll(async () => {
    world = await openPanelWorld()
  })
  afterAll(() => world?.[Symbol.asyncDispose]())

  test('a rule is tried on the past while it is written, then kept, copied, switched off and deleted', async () => {
    await using opened = await openPage(world.browser)
    const { page, faults } = opened
    await signInPanel(page, world.turnpike, '/alerts/rules')
    await page.getByRole('link', { name: 'High error rate' }).waitFor()
    await page.getByRole('link', { name: 'Add rule' }).click()
    await page.getByText('Fill in the rule').waitFor()
    await page.getByLabel('Name').fill('Many requests')
    await page.getByLabel('Metric').fill('request_count')
    await page.getByRole('option', { name: 'Requests request_count' }).click()
    await page.getByLabel('Threshold', { exact: true }).fill('1000000')
    await page.getByTestId('preview-said').getByText('Would not have fired').waitFor()
    await page.getByLabel('Back-test over').click()
    await page.getByRole('option', { name: 'Last 7 days' }).click()
    await page.waitForURL('**/alerts/rules/new?range=7d')
    await keepShot(page, 'alert-rule')

    await page.getByLabel('Well again at').fill('2000000')
    await page.getByRole('button', { name: 'Add rule' }).click()
    await expect.poll(() => page.getByLabel('Well again at').getAttribute('aria-invalid')).toBe('true')
    await page.getByLabel('Well again at').fill('500000')
    await page.getByRole('button', { name: 'Add rule' }).click()
    await page.waitForURL('**/alerts/rules')
    const row = page.getByRole('row').filter({ hasText: 'Many requests' })
    await row.getByText('Requests (sum) over 5 min').waitFor()

    await page.getByRole('button', { name: 'Actions for Many requests' }).click()
    await page.getByRole('menuitem', { name: 'Duplicate' }).click()
    await expect.poll(() => page.getByLabel('Well again at').inputValue()).toBe('500000')
    await page.getByLabel('Name').fill('More requests')
    await page.getByRole('button', { name: 'Add rule' }).click()
    await page.getByRole('link', { name: 'More requests' }).waitFor()
    await keepShot(page, 'alert-rules')

    const isOn = row.getByRole('switch')
    await isOn.click()
    await confirm(page, 'Switch off')
    await expect.poll(() => isOn.getAttribute('aria-checked')).toBe('false')
    await page.getByRole('button', { name: 'Actions for Many requests' }).click()
    await page.getByRole('menuitem', { name: 'Delete' }).click()
    await confirm(page, 'Delete')
    await row.waitFor({ state: 'detached' })
    expect(faults).toEqual([])
  })

  test('a channel is refused where it leads inside, tells its secret once, and is tested', async () => {
    const api = await signIn(world.turnpike)
    const { inbox } = await api.sandbox.status.query()
    await using opened = await openPage(world.browser)
    const { page, faults } = opened
    await signInPanel(page, world.turnpike, '/alerts')
    await page.getByText('Nobody is told').waitFor()
    await keepShot(page, 'alerts-untold')
    await page.getByRole('link', { name: 'Add a channel' }).click()
    await page.getByLabel('Name').fill('Night watch')
    const address = page.getByLabel('Address')
    await address.fill('https://10.0.0.1/hook')
    await page.getByRole('button', { name: 'Add channel' }).click()
    await expect.poll(() => address.getAttribute('aria-invalid')).toBe('true')
    await address.fill(inbox?.url ?? '')
    await page.getByRole('button', { name: 'Add channel' }).click()
    const secret = await page.getByTestId('secret').inputValue()
    expect(secret).not.toBe('')
    await keepShot(page, 'alert-channel-created')
    await page.getByRole('button', { name: 'Done' }).click()
    await page.getByTestId('secret').waitFor({ state: 'detached' })
    expect(await page.content()).not.toContain(secret)
    await page.getByText('Nobody is told').waitFor({ state: 'detached' })

    await page.getByRole('row').filter({ hasText: 'Night watch' }).getByRole('button', { name: 'Send test' }).click()
    await page.getByText('“Night watch” took the test').waitFor()
    await keepShot(page, 'alert-channels')
    const { inbox: after } = await api.sandbox.status.query()
    expect(after?.messages.length).toBe(1)
    expect(faults).toEqual([])
  })

  test('a silence holds until it is ended', async () => {
    await using opened = await openPage(world.browser)
    const { page, faults } = opened
    await signInPanel(page, world.turnpike, '/alerts/silences')
    await page.getByRole('link', { name: 'Add silence' }).click()
    await page.getByLabel('Reason').fill('Moving house')
    await page.getByLabel('Critical').click()
    await page.getByRole('button', { name: 'Silence', exact: true }).click()
    const row = page.getByRole('row').filter({ hasText: 'Moving house' })
    await row.getByText('Active').waitFor()
    await keepShot(page, 'alert-silences')
    await row.getByRole('button', { name: 'End now' }).click()
    await confirm(page, 'End now')
    await row.getByText('Ended').waitFor()
    await page.getByLabel('Status').click()
    await page.getByRole('option', { name: 'Active' }).click()
    await page.waitForURL('**/alerts/silences?status=active')
    await page.getByText('Nothing matches').waitFor()
    expect(faults).toEqual([])
  })

  test('everything fits a narrow screen', async () => {
    await using opened = await openPage(world.browser, { viewport: { width: 390, height: 844 }, colorScheme: 'dark' })
    const { page } = opened
    await signInPanel(page, world.turnpike, '/alerts')
    const tabs = ['', '/history', '/rules', '/rules/1', '/silences', '/channels', '/deliveries', '/drill']
    for (const tab of tabs) {
      await page.goto(`${world.turnpike.origin}/alerts${tab}`)
      await page.locator('#main h1').waitFor()
      await settle(page)
      const tooWide = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth)
      expect([tab, tooWide]).toEqual([tab, 0])
    }
    await keepShot(page, 'alerts-narrow')
  })
})
