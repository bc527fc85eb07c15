import { readFile } from 'node:fs/promises'
import type { Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { waitFor } from '../support/wait-for.ts'
import { chromiumPath, keepShot, openPage, openPanelWorld, type PanelWorld, settle, signInPanel } from './browser.ts'

const TICKET = 'support-ticket-17'
const WAIT_MS = 60_000
const POLL = { timeout: WAIT_MS }

describe.skipIf(!chromiumPath)('why a request went as it did', () => {
  let world: PanelWorld
  const ids: string[] = []

  async function ask(model: string, headers: Record<string, string> = {}): Promise<string> {
    const { gatewayUrl, apiKey } = world.turnpike.facts
    const answer = await fetch(`${gatewayUrl}/chat/completions`, {
      method: 'POST',
      headers: { authorization: `Bearer ${apiKey}`, 'content-type': 'application/json', ...headers },
      body: JSON.stringify({ model, messages: [{ role: 'user', content: 'Hello' }] }),
    })
    await answer.text()
    return answer.headers.get('x-request-id') ?? ''
  }

  beforeAll(async () => {
    world = await openPanelWorld()
    ids.push(await ask('sandbox-small', { 'x-client-request-id': TICKET }))
    ids.push(await ask('nobody-serves-it'))
    ids.push(await ask('sandbox-small'))
  })
  afterAll(() => world?.[Symbol.asyncDispose]())

  /** Until the ledger and the error log have them all. */
  async function openRequests(page: Page): Promise<void> {
    await waitFor(
      'all requests to be listed',
      async () => {
        await page.goto(`${world.turnpike.origin}/requests`)
        await settle(page)
        return (await page.locator('tbody tr').count()) === ids.length
      },
      WAIT_MS,
    )
  }

  const openId = (page: Page) => page.getByTestId('open-request').textContent()

  test('every request is in the list, the drawer goes from row to row, and the address holds it', async () => {
    await using opened = await openPage(world.browser)
    const { page, faults } = opened
    await signInPanel(page, world.turnpike)
    await openRequests(page)
    await page.locator(`[data-request="${ids[2]}"]`).click()
    await page.getByText('Where the time went').waitFor()
    await keepShot(page, 'why-drawer')
    await expect.poll(() => openId(page), POLL).toBe(ids[2])
    await page.keyboard.press('ArrowDown')
    await expect.poll(() => openId(page), POLL).toBe(ids[1])
    await page.getByText('Which way would it go now?').waitFor()
    await page.keyboard.press('ArrowDown')
    await expect.poll(() => openId(page), POLL).toBe(ids[0])
    await page.keyboard.press('ArrowUp')
    await expect.poll(() => openId(page), POLL).toBe(ids[1])
    await page.reload()
    await expect.poll(() => openId(page), POLL).toBe(ids[1])
    await page.getByRole('link', { name: 'Which way would it go now?' }).click()
    await page.getByTestId('verdict').getByText('model_not_found').waitFor()
    await keepShot(page, 'why-refused')
    expect(faults).toEqual([])
  })

  test('a support question is answered by either id, and what is shown can be taken away', async () => {
    await using opened = await openPage(world.browser)
    const { page, faults } = opened
    await signInPanel(page, world.turnpike)
    await openRequests(page)
    const lookUp = page.getByRole('searchbox', { name: 'Request id, or the client’s' })
    for (const typed of [TICKET, `x-request-id: ${ids[0]}`]) {
      await lookUp.fill(typed)
      await lookUp.press('Enter')
      await expect.poll(() => page.locator('tbody a').getAttribute('data-request'), POLL).toBe(ids[0])
    }
    await page.getByRole('button', { name: 'Export' }).click()
    const [download] = await Promise.all([
      page.waitForEvent('download'),
      page.getByRole('menuitem', { name: 'As CSV' }).click(),
    ])
    const lines = (await readFile(await download.path(), 'utf8')).trimEnd().split('\n')
    expect(lines).toHaveLength(2)
    expect(lines[1]).toContain(`request,${ids[0]},${TICKET}`)
    await page.goto(`${world.turnpike.origin}/requests?kind=refusal`)
    await expect.poll(() => page.locator('tbody a').getAttribute('data-request'), POLL).toBe(ids[1])
    expect(faults).toEqual([])
  })

  test('a route is explained in a form, without a request', async () => {
    await using opened = await openPage(world.browser)
    const { page, faults } = opened
    await signInPanel(page, world.turnpike, '/groups')
    await page.getByRole('link', { name: 'Explain a route' }).click()
    const dialog = page.getByRole('dialog')
    await dialog.getByRole('button', { name: 'Explain' }).click()
    await dialog.getByRole('alert').first().waitFor()
    await dialog.getByLabel('Key', { exact: true }).click()
    await page.getByRole('option').first().click()
    await dialog.getByLabel('Model').fill('sandbox-small')
    await dialog.getByRole('button', { name: 'Explain' }).click()
    await dialog.getByTestId('verdict').getByText('Would be served by').waitFor()
    await dialog.getByText('The only account that could take it').waitFor()
    await keepShot(page, 'why-explained')
    expect(new URL(page.url()).searchParams.get('model')).toBe('sandbox-small')
    expect(faults).toEqual([])
  })

  test('nothing is cut off at 390 pixels, in the dark and in Chinese', async () => {
    await using opened = await openPage(world.browser, {
      viewport: { width: 390, height: 844 },
      colorScheme: 'dark',
      locale: 'zh-CN',
    })
    const { page, faults } = opened
    await signInPanel(page, world.turnpike)
    for (const path of [`/requests?open=${ids[0]}`, `/requests/${ids[0]}`, `/requests/${ids[1]}`, '/requests']) {
      await page.goto(world.turnpike.origin + path)
      await settle(page)
      await keepShot(page, `why-narrow${path.replaceAll(/\W/g, '-').slice(0, 16)}`)
      expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(390)
    }
    await page.goto(`${world.turnpike.origin}/groups?explain=1&key=1&model=sandbox-small`)
    await page.getByTestId('verdict').waitFor()
    await settle(page)
    expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(390)
    await keepShot(page, 'why-narrow-explained')
    expect(faults).toEqual([])
  })

  test('errors are gone through beside their list, and what was marked resolved can be taken back', async () => {
    ids.push(await ask('nobody-serves-this-either'))
    await using opened = await openPage(world.browser)
    const { page, faults } = opened
    await signInPanel(page, world.turnpike)
    const rows = page.getByRole('table', { name: 'Errors' }).locator('tbody a')
    await waitFor(
      'both errors to be listed',
      async () => {
        await page.goto(`${world.turnpike.origin}/errors`)
        await settle(page)
        return (await rows.count()) === 2
      },
      WAIT_MS,
    )
    await rows.first().click()
    const drawer = page.getByRole('dialog')
    await drawer.getByText('nobody-serves-this-either').first().waitFor()
    const newer = new URL(page.url()).searchParams.get('row')
    await page.keyboard.press('ArrowDown')
    await drawer.getByText('nobody-serves-it').first().waitFor()
    await expect.poll(() => new URL(page.url()).searchParams.get('row')).not.toBe(newer)
    await page.keyboard.press('ArrowUp')
    await drawer.getByText('nobody-serves-this-either').first().waitFor()
    await expect.poll(() => new URL(page.url()).searchParams.get('row')).toBe(newer)
    await keepShot(page, 'why-error-drawer')

    await drawer.getByRole('button', { name: 'Mark resolved' }).click()
    await drawer.getByRole('button', { name: 'Open again' }).click()
    await drawer.getByRole('button', { name: 'Mark resolved' }).waitFor()
    await drawer.getByRole('link', { name: 'Open as a page' }).click()
    await page.waitForURL(`**/errors/${newer}`)
    expect(faults).toEqual([])
  })
})
