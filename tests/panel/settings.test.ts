import { createTurnpikeClient } from '@turnpike/client'
import type { Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { oneTimeCode } from '../support/one-time-code.ts'
import { chromiumPath, keepShot, openPage, openPanelWorld, type PanelWorld, settle, signInPanel } from './browser.ts'

describe.skipIf(!chromiumPath)('the settings, in Chromium', () => {
  let world: PanelWorld

  beforeAll(async () => {
    world = await openPanelWorld()
  })
  afterAll(() => world?.[Symbol.asyncDispose]())

  test('a service token is shown once, works, and no more when it is revoked', async () => {
    const { turnpike, browser } = world
    await using opened = await openPage(browser)
    const { page, faults } = opened
    await signInPanel(page, turnpike, '/settings/tokens')
    await page.getByRole('link', { name: 'Create token' }).click()
    await page.getByLabel('Name').fill('Report script')
    await page.getByLabel('ops:read').click()
    await page.getByRole('button', { name: 'Create token' }).click()
    const token = await page.getByTestId('secret').inputValue()
    await page.getByRole('button', { name: 'Done' }).click()
    await page.getByTestId('secret').waitFor({ state: 'detached' })
    expect(await page.content()).not.toContain(token)

    const client = createTurnpikeClient({ url: turnpike.origin, token })
    expect((await client.ops.jobs.query()).items.length).toBeGreaterThan(0)
    await page.getByRole('button', { name: 'Revoke Report script' }).click()
    await page.getByRole('alertdialog').getByRole('button', { name: 'Revoke' }).click()
    await page.getByRole('row', { name: /Report script.*Revoked/ }).waitFor()
    await expect(client.ops.jobs.query()).rejects.toMatchObject({ data: { reason: 'unauthenticated' } })
    await client.$connection.close()
    expect(faults).toEqual([])
  })

  test('a shorter retention says what it will remove; for ever is chosen outright; the log tells who did it', async () => {
    const { turnpike, browser } = world
    await using opened = await openPage(browser)
    const { page, faults } = opened
    await signInPanel(page, turnpike, '/settings/retention')
    await page.getByRole('link', { name: 'Retention of “Errors”' }).click()
    await page.getByLabel('Days to keep').fill('7')
    await page.getByText('rows older than 7 days are removed for good').waitFor()
    await page.getByRole('button', { name: 'Save' }).click()
    await page.getByRole('row', { name: /Errors.*7 days/ }).waitFor()
    await page.getByRole('link', { name: 'Retention of “Errors”' }).click()
    await page.getByLabel('Keep for ever').click()
    await page.getByRole('button', { name: 'Save' }).click()
    await page.getByRole('row', { name: /Errors.*For ever/ }).waitFor()
    await keepShot(page, 'settings-retention')

    await page.getByRole('link', { name: 'Audit log' }).click()
    await page.getByLabel('Action').fill('ops.retention.set')
    await page.keyboard.press('Enter')
    await page.waitForURL('**action=ops.retention.set**')
    await page
      .getByRole('row', { name: /ops.retention.set/ })
      .first()
      .getByRole('link')
      .click()
    const sheet = page.getByRole('dialog')
    await sheet.getByText('null').waitFor()
    await page.keyboard.press('ArrowDown')
    await sheet.getByText('30', { exact: true }).waitFor()
    await page.keyboard.press('Escape')
    await page.getByRole('button', { name: 'Check the chain' }).click()
    await page.getByText('Nothing was altered').waitFor()
    expect(faults).toEqual([])
  })

  test('what was typed and not saved is asked about before it is lost', async () => {
    const { turnpike, browser } = world
    await using opened = await openPage(browser)
    const { page, faults } = opened
    await signInPanel(page, turnpike, '/settings/general')
    const target = page.getByLabel('SLA target, %')
    await target.fill('101')
    await target.blur()
    await page.getByText('At most 100.').waitFor()
    await target.fill('99.95')
    await page.getByRole('link', { name: 'Sessions' }).click()
    const question = page.getByRole('alertdialog')
    await question.getByRole('button', { name: 'Cancel' }).click()
    expect(await target.inputValue()).toBe('99.95')
    await page.getByRole('button', { name: 'Save' }).click()
    await page.getByText('The settings were saved.').waitFor()
    await page.getByRole('link', { name: 'Sessions' }).click()
    await page.getByText('This one').waitFor()
    await page.goBack()
    await expect.poll(() => target.inputValue()).toBe('99.95')
    expect(faults).toEqual([])
  })

  test('a mail server is refused where it may not be reached, and a sender belongs to it', async () => {
    const { turnpike, browser } = world
    await using opened = await openPage(browser)
    const { page, faults } = opened
    await signInPanel(page, turnpike, '/settings/mail')
    const server = page.getByLabel('Server', { exact: true })
    await server.fill('127.0.0.1')
    await page.getByLabel('Sender address').fill('nobody')
    await page.getByLabel('Sender address').blur()
    await page.getByText('This is not an e-mail address.').waitFor()
    await page.getByLabel('Sender address').fill('ops@example.org')
    await page.getByRole('button', { name: 'Save' }).click()
    await page.getByText('This address may not be reached from here.').first().waitFor()
    await keepShot(page, 'settings-mail')
    expect(await server.getAttribute('aria-invalid')).toBe('true')
    await server.fill('')
    await page.getByRole('button', { name: 'Save' }).click()
    await page.getByText('The settings were saved.').waitFor()
    await page.getByRole('button', { name: 'Send test mail' }).click()
    await page.getByText('The mail did not leave').waitFor()
    expect(faults).toEqual([])
  })

  test('a second factor is set up from its code, asked for at sign-in, and switched off again', async () => {
    const { turnpike, browser } = world
    await using opened = await openPage(browser)
    const { page, faults } = opened
    await signInPanel(page, turnpike, '/settings/security')
    await page.getByRole('button', { name: 'Set up a second factor' }).click()
    await page.getByRole('img', { name: 'QR code for the authenticator app' }).waitFor()
    const secret = ((await page.getByTestId('totp-secret').textContent()) ?? '').replaceAll(' ', '')
    await page.getByLabel('One-time code').fill('000000')
    await page.getByRole('button', { name: 'Switch it on' }).click()
    await page.getByText('This code is wrong').first().waitFor()
    await keepShot(page, 'settings-totp')
    await page.getByLabel('One-time code').fill(oneTimeCode(secret, Date.now()))
    await page.getByRole('button', { name: 'Switch it on' }).click()
    const shown = page.getByTestId('recovery-codes').locator('li')
    await shown.first().waitFor()
    const codes = await shown.allTextContents()
    expect(new Set(codes).size).toBe(10)
    await page.getByRole('button', { name: 'I have kept them' }).click()
    await page.getByText('10 recovery codes left').waitFor()
    expect(await page.content()).not.toContain(codes[0])

    await signInAgain(page, world, codes[0] ?? '')
    await page.goto(`${turnpike.origin}/settings/security`)
    await page.getByText('9 recovery codes left').waitFor()
    await page.getByRole('button', { name: 'Switch off the second factor' }).click()
    const form = page.getByRole('dialog')
    await form.getByLabel('Password').fill(turnpike.facts.adminPassword)
    await form.getByLabel('One-time code').fill(codes[1] ?? '')
    await form.getByRole('button', { name: 'Switch off the second factor' }).click()
    await page.getByRole('button', { name: 'Set up a second factor' }).waitFor()
    expect(faults).toEqual([])
  })

  test('the jobs and the instance that runs them are listed', async () => {
    const { turnpike, browser } = world
    await using opened = await openPage(browser)
    const { page, faults } = opened
    await signInPanel(page, turnpike, '/settings/jobs')
    await settle(page)
    await page.getByRole('row', { name: /ops.clean-up/ }).waitFor()
    expect(faults).toEqual([])
  })
})

/** Out, and in with a second factor that is asked for only now. */
async function signInAgain(page: Page, { turnpike }: PanelWorld, code: string): Promise<void> {
  await page.getByRole('button', { name: 'User menu' }).click()
  await page.getByRole('menuitem', { name: 'Sign out' }).click()
  await page.getByLabel('E-mail').fill(turnpike.facts.adminEmail)
  await page.getByLabel('Password').fill(turnpike.facts.adminPassword)
  await page.keyboard.press('Enter')
  await page.getByLabel('One-time code').fill(code)
  await page.keyboard.press('Enter')
  await page.locator('#main').waitFor()
}
