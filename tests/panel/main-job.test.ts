import { setTimeout as sleep } from 'node:timers/promises'
import OpenAI from 'openai'
import type { Locator } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { waitFor } from '../support/wait-for.ts'
import { chromiumPath, keepShot, openPage, openPanelWorld, type PanelWorld, signInPanel } from './browser.ts'

const LIVE_WITHIN_MS = 10_000
const LOOK_EVERY_MS = 100

describe.skipIf(!chromiumPath)('the panel, in Chromium', () => {
  let world: PanelWorld

  beforeAll(async () => {
    world = await openPanelWorld()
  })
  afterAll(() => world?.[Symbol.asyncDispose]())

  test('leads from signing in over account, group and key to the request that was just made', async () => {
    const { turnpike, browser } = world
    await using opened = await openPage(browser)
    const { page, faults } = opened
    await signInPanel(page, turnpike)

    await page.getByRole('link', { name: 'Groups' }).click()
    await page.getByRole('link', { name: 'Add group' }).click()
    await page.getByLabel('Name').fill('Research')
    await page.getByRole('button', { name: 'Add group' }).click()
    await page.getByRole('cell', { name: 'Research', exact: true }).waitFor()

    await page.getByRole('link', { name: 'Accounts' }).click()
    await page.getByRole('link', { name: 'Add account' }).click()
    await page.getByLabel('Name').fill('Second sandbox')
    await page.getByLabel('Provider').click()
    await page.getByRole('option', { name: 'Sandbox' }).click()
    await page.getByLabel('Upstream secret').fill('sandbox-secret')
    await page.getByLabel('Research').click()
    await page.getByRole('button', { name: 'Add a mapping' }).click()
    await page.getByLabel('Model asked for').fill('house-model')
    await page.getByLabel('Model of the upstream').fill('sandbox-small')
    await page.getByRole('button', { name: 'Add account' }).click()
    await page.getByRole('link', { name: 'Second sandbox' }).waitFor()
    await keepShot(page, 'accounts')

    await page.getByRole('link', { name: 'Keys' }).click()
    await page.getByRole('link', { name: 'Create key' }).click()
    await page.getByLabel('Name').fill('Notebook')
    await page.getByLabel('User', { exact: true }).click()
    await page.getByRole('option', { name: 'Owner' }).click()
    await page.getByLabel('Group', { exact: true }).click()
    await page.getByRole('option', { name: 'Research' }).click()
    await page.getByRole('button', { name: 'Create key' }).click()
    const secret = await page.getByTestId('secret').inputValue()
    await keepShot(page, 'key-created')
    await page.getByRole('button', { name: 'Done' }).click()
    await page.getByTestId('secret').waitFor({ state: 'detached' })
    expect(await page.content()).not.toContain(secret)

    await page.getByRole('link', { name: 'Dashboard' }).click()
    await page.getByRole('status', { name: 'Live' }).waitFor()
    const qps = page.getByTestId('live-qps')
    await expect.poll(() => qps.textContent()).toBe('0')
    const client = new OpenAI({ baseURL: turnpike.facts.gatewayUrl, apiKey: secret })
    const hasShown = await watchText(qps)
    await waitFor(
      'a second with one request to be shown',
      async () => {
        const answer = await client.chat.completions.create({
          model: 'house-model',
          messages: [{ role: 'user', content: 'Who is it?' }],
        })
        expect(answer.choices[0]?.message.content).toBeTruthy()
        // Of seconds that arrive together, on a machine that stood still, only the last one is shown.
        return hasShown('1', LIVE_WITHIN_MS)
      },
      LIVE_WITHIN_MS,
    )
    await keepShot(page, 'dashboard')
    // The latest requests come when they are scrolled to.
    await page.keyboard.press('End')
    await page.getByRole('cell', { name: 'house-model' }).first().waitFor()

    const pages = page.getByRole('navigation', { name: 'Main navigation' })
    await pages.getByRole('link', { name: 'Requests' }).click()
    const row = page.getByRole('row').filter({ hasText: 'house-model' }).first()
    await row.getByRole('link').click()
    await page.getByText('Where the time went').waitFor()
    for (const text of ['Second sandbox', 'Notebook', 'Research', 'The only account that could take it', 'Chosen']) {
      await page.getByText(text).first().waitFor()
    }
    await keepShot(page, 'request')
    expect(faults).toEqual([])
  })

  test('keeps what was typed where the server refuses, and says why at the field', async () => {
    const { turnpike, browser } = world
    await using opened = await openPage(browser)
    const { page, faults } = opened
    await signInPanel(page, turnpike, '/users?create=1')
    await page.getByLabel('E-mail').fill(turnpike.facts.adminEmail)
    await page.getByLabel('Concurrency').fill('7')
    await page.getByRole('button', { name: 'Add user' }).click()
    const email = page.getByLabel('E-mail')
    await expect.poll(() => email.getAttribute('aria-invalid')).toBe('true')
    const why = await email.getAttribute('aria-describedby')
    expect(await page.locator(`#${why}`).textContent()).toContain('taken already')
    expect(await page.getByLabel('Concurrency').inputValue()).toBe('7')

    await email.fill('second@example.org')
    await page.getByRole('button', { name: 'Add user' }).click()
    await page.getByRole('cell', { name: 'second@example.org', exact: true }).waitFor()
    expect(faults).toEqual([])
  })

  test('asks before it ends a key, names it, and the key is refused from then on', async () => {
    const { turnpike, browser } = world
    await using opened = await openPage(browser)
    const { page } = opened
    await signInPanel(page, turnpike, '/keys?create=1')
    await page.getByLabel('Name').fill('Short-lived')
    await page.getByLabel('User', { exact: true }).click()
    await page.getByRole('option', { name: 'Owner' }).click()
    await page.getByLabel('Group', { exact: true }).click()
    await page.getByRole('option', { name: 'Default' }).click()
    await page.getByRole('button', { name: 'Create key' }).click()
    const apiKey = await page.getByTestId('secret').inputValue()
    await page.keyboard.press('Escape')

    await page.getByRole('button', { name: 'Actions for Short-lived' }).click()
    await page.getByRole('menuitem', { name: 'Revoke' }).click()
    await page
      .getByRole('alertdialog', { name: 'Revoke key “Short-lived”?' })
      .getByRole('button', { name: 'Revoke' })
      .click()
    await page.getByRole('row', { name: /Short-lived.*Revoked/ }).waitFor()

    const client = new OpenAI({ baseURL: turnpike.facts.gatewayUrl, apiKey, maxRetries: 0 })
    await expect
      .poll(() =>
        client.models.list().then(
          () => 200,
          ({ status }) => status,
        ),
      )
      .toBe(401)
  })

  test('holds every filter in the address: refresh and back keep them', async () => {
    const { turnpike, browser } = world
    await using opened = await openPage(browser)
    const { page } = opened
    await signInPanel(page, turnpike, '/requests')
    await page.getByLabel('Outcome').click()
    await page.getByRole('option', { name: 'Failed' }).click()
    await page.getByText('Nothing matches').waitFor()
    expect(new URL(page.url()).search).toBe('?outcome=failed')
    await page.getByLabel('Time range').click()
    await page.getByRole('option', { name: 'Last 7 days' }).click()
    await page.waitForURL('**/requests?outcome=failed&range=7d')

    await page.reload()
    expect(await page.getByLabel('Outcome').textContent()).toContain('Failed')
    expect(await page.getByLabel('Time range').textContent()).toContain('Last 7 days')
    await page.goBack()
    await expect.poll(() => page.getByLabel('Time range').textContent()).toContain('Last 24 hours')
    await page.getByRole('link', { name: 'Clear filters' }).click()
    await page.waitForURL('**/requests?range=24h')
  })
})

/** Notes every text an element has from now on, however briefly; what is returned waits until it has had one. */
async function watchText(locator: Locator): Promise<(text: string, withinMs: number) => Promise<boolean>> {
  const seen = await locator.evaluateHandle((element) => {
    const texts = new Set<string>()
    const note = () => void texts.add(element.textContent)
    new MutationObserver(note).observe(element, { childList: true, characterData: true, subtree: true })
    return texts
  })
  return async (text, withinMs) => {
    const until = performance.now() + withinMs
    for (;;) {
      if (await seen.evaluate((texts, wanted) => texts.has(wanted), text)) return true
      if (performance.now() > until) return false
      await sleep(LOOK_EVERY_MS)
    }
  }
}
