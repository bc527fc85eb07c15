import type { Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { signIn } from '../support/admin.ts'
import { waitFor } from '../support/wait-for.ts'
import { chromiumPath, keepShot, openPage, openPanelWorld, type PanelWorld, settle, signInPanel } from './browser.ts'

const COUNTED_WITHIN_MS = 15_000
const FIRST_TRY_MS = 15_000

/** Until the page counts so many. */
async function requestsAre(page: Page, count: string): Promise<void> {
  await page
    .getByTestId('stat-requests')
    .filter({ hasText: new RegExp(`^\\s*${count}\\s*$`) })
    .waitFor()
}

describe.skipIf(!chromiumPath)('pages of people and money', () => {
  let world: PanelWorld

  beforeAll(async () => {
    world = await openPanelWorld()
    const owner = await signIn(world.turnpike)
    for (const model of ['sandbox-small', 'sandbox-small', 'sandbox-large']) await ask(model)
    await waitFor(
      'the ledger to have them',
      async () => (await owner.usage.summary.query()).total.requests === 3,
      COUNTED_WITHIN_MS,
    )
    await owner.$connection.close()
  })
  afterAll(() => world?.[Symbol.asyncDispose]())

  async function ask(model: string): Promise<void> {
    const { gatewayUrl, apiKey } = world.turnpike.facts
    const response = await fetch(`${gatewayUrl}/chat/completions`, {
      method: 'POST',
      headers: { authorization: `Bearer ${apiKey}`, 'content-type': 'application/json' },
      body: JSON.stringify({ model, messages: [{ role: 'user', content: 'Hello' }] }),
    })
    await response.arrayBuffer()
  }

  test('usage is split, narrowed and kept in the address, and is exported as it is shown', async () => {
    await using opened = await openPage(world.browser)
    const { page, faults } = opened
    await signInPanel(page, world.turnpike, '/usage')
    await requestsAre(page, '3')
    await page.getByLabel('Split by').click()
    await page.getByRole('option', { name: 'Model' }).click()
    await page.waitForURL('**/usage?by=model')
    await page.locator('canvas').waitFor()
    await keepShot(page, 'usage')
    await page.getByRole('link', { name: 'sandbox-large' }).click()
    await requestsAre(page, '1')
    await expect.poll(() => new URL(page.url()).searchParams.get('model')).toBe('sandbox-large')
    await page.reload()
    await requestsAre(page, '1')

    await page.getByRole('button', { name: 'Export' }).click()
    const coming = page.waitForEvent('download')
    await page.getByRole('menuitem', { name: 'As CSV' }).click()
    const download = await coming
    expect(download.suggestedFilename()).toBe('usage.csv')
    const lines: string[] = []
    for await (const chunk of await download.createReadStream()) lines.push(...String(chunk).trim().split('\n'))
    expect(lines).toHaveLength(2)
    expect(lines[1]).toContain('sandbox-large')

    await page.goBack()
    await page.waitForURL('**/usage?by=model')
    expect(faults).toEqual([])
  })

  test('a price is laid over the last days before it is set, and quoted when it is', async () => {
    await using opened = await openPage(world.browser)
    const { page, faults } = opened
    await signInPanel(page, world.turnpike, '/prices?create=1')
    const form = page.getByRole('dialog')
    await form.getByLabel('Model').fill('sandbox-*')
    await form.getByLabel('Input', { exact: true }).fill('1000')
    await form.getByLabel('Output', { exact: true }).fill('2000')
    await form.getByRole('button', { name: 'Ask the last 7 days' }).click()
    const preview = page.getByTestId('preview')
    await preview.waitFor()
    const owner = await signIn(world.turnpike)
    const { total } = await owner.usage.summary.query()
    await owner.$connection.close()
    const wouldBe = (total.inputTokens * 1_000 + total.outputTokens * 2_000) / 1_000_000
    const row = await preview.getByRole('row').filter({ hasText: 'All of them' }).textContent()
    expect(row).toContain(`$${wouldBe}`)
    await keepShot(page, 'price-preview')
    await form.getByLabel('Output', { exact: true }).fill('3000')
    await form.getByText('The price was changed since').waitFor()

    await form.getByRole('button', { name: 'Set a price' }).click()
    await page.getByRole('row').filter({ hasText: 'sandbox-*' }).waitFor()
    await page.getByLabel('Model', { exact: true }).fill('sandbox-small')
    await page.getByRole('button', { name: 'Calculate' }).click()
    await page.getByText('Your own price ·').waitFor()
    await page.getByTestId('quote').filter({ hasText: '$1,000.00' }).waitFor()

    await page.getByRole('button', { name: 'Actions for sandbox-*' }).click()
    await page.getByRole('menuitem', { name: 'Remove' }).click()
    await page.getByRole('alertdialog').getByRole('button', { name: 'Remove' }).click()
    await page.getByText('No prices of your own').waitFor()
    expect(faults).toEqual([])
  })

  test('a user is invited, credited with a reason, and archived by somebody who knows what that ends', async () => {
    await using opened = await openPage(world.browser)
    const { page, faults } = opened
    await signInPanel(page, world.turnpike, '/users?create=1')
    await page.getByLabel('E-mail').fill('new@example.org')
    await page.getByRole('button', { name: 'Add user' }).click()
    const link = await page.getByTestId('secret').inputValue()
    expect(link).toMatch(/\/invite#[\w-]{43}$/)
    await page.getByRole('button', { name: 'Done' }).click()
    await page.getByTestId('secret').waitFor({ state: 'detached' })
    expect(await page.content()).not.toContain(link)

    const actions = page.getByRole('button', { name: 'Actions for new@example.org' })
    await actions.click()
    await page.getByRole('menuitem', { name: 'Adjust balance' }).click()
    await page.getByLabel('Amount, $').fill('-2.5')
    await page.getByTestId('balance-after').filter({ hasText: '-$2.50' }).waitFor()
    await page.getByRole('dialog').getByRole('button', { name: 'Adjust balance' }).click()
    await page.getByText('This is needed.').waitFor()
    await page.getByLabel('Reason').fill('a debt of old')
    await page.getByRole('dialog').getByRole('button', { name: 'Adjust balance' }).click()
    const row = page.getByRole('row').filter({ hasText: 'new@example.org' })
    await row.getByText('Overdrawn').waitFor()

    await actions.click()
    await page.getByRole('menuitem', { name: 'Reset password' }).click()
    await page.getByRole('alertdialog').getByRole('button', { name: 'Reset password' }).click()
    expect(await page.getByTestId('secret').inputValue()).not.toBe(link)
    await page.getByRole('button', { name: 'Done' }).click()

    await actions.click()
    await page.getByRole('menuitem', { name: 'Archive' }).click()
    const question = page.getByRole('alertdialog')
    await question.getByText('He has no keys that work.').waitFor()
    expect(await question.textContent()).toContain('-$2.50')
    await keepShot(page, 'archive-user')
    await question.getByRole('button', { name: 'Archive' }).click()
    const archived = row.getByText('Archived')
    await archived.waitFor({ timeout: FIRST_TRY_MS }).catch(async () => {
      // Once, among many runs, nothing had come of the click: what the page looked like then is kept, and it is asked again.
      await keepShot(page, 'archive-user-not-taken')
      await page.reload()
      await settle(page)
      if (await archived.isVisible()) return
      await actions.click()
      await page.getByRole('menuitem', { name: 'Archive' }).click()
      await question.getByRole('button', { name: 'Archive' }).click()
      await archived.waitFor()
    })
    expect(faults).toEqual([])
  })

  test('codes are shown once, listed, and ended; a subscription is assigned and extended', async () => {
    const owner = await signIn(world.turnpike)
    await owner.groups.create.mutate({ name: 'Team plan', billing: 'subscription', validityDays: 30 })
    await owner.$connection.close()
    await using opened = await openPage(world.browser)
    const { page, faults } = opened
    await signInPanel(page, world.turnpike, '/redeem?create=1')
    await page.getByLabel('Amount of each, $').fill('5')
    await page.getByLabel('How many').fill('3')
    await page.getByRole('button', { name: 'Generate codes' }).click()
    const codes = (await page.getByTestId('codes').inputValue()).split('\n')
    expect(codes).toEqual(Array(3).fill(expect.stringMatching(/^tpr-[a-z2-7]{32}$/)))
    await page.getByRole('button', { name: 'Done' }).click()
    await page.getByTestId('codes').waitFor({ state: 'detached' })
    expect(await page.content()).not.toContain(codes[0])
    await page.getByRole('row').filter({ hasText: 'Open' }).nth(2).waitFor()
    await page.getByRole('button', { name: 'Expire those listed' }).click()
    await page.getByRole('alertdialog').getByRole('button', { name: 'Expire' }).click()
    await page.getByRole('row').filter({ hasText: 'Expired' }).nth(2).waitFor()

    await page.getByRole('link', { name: 'Subscriptions' }).click()
    await page.getByRole('link', { name: 'Assign subscription' }).click()
    const form = page.getByRole('dialog')
    await form.getByLabel('User').click()
    await page.getByRole('option', { name: 'Owner' }).click()
    await form.getByLabel('Group').click()
    await page.getByRole('option', { name: 'Team plan' }).click()
    await form.getByRole('button', { name: 'Assign subscription' }).click()
    const row = page.getByRole('row').filter({ hasText: 'Team plan' })
    await row.getByRole('link', { name: 'Owner' }).click()
    await page.getByText('begins with the next request').first().waitFor()
    await page.getByLabel('Days more').fill('10')
    await page.getByRole('button', { name: 'Extend' }).click()
    await page.getByText('The subscription was extended.').waitFor()
    await row.getByRole('button').click()
    await page.getByRole('menuitem', { name: 'Revoke' }).click()
    await page.getByRole('alertdialog').getByRole('button', { name: 'Revoke' }).click()
    await row.getByText('Revoked').waitFor()
    expect(faults).toEqual([])
  })
})
