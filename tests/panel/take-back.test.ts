import type { Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { signIn } from '../support/admin.ts'
import { chromiumPath, keepShot, openPage, openPanelWorld, type PanelWorld, signInPanel } from './browser.ts'

type Api = Awaited<ReturnType<typeof signIn>>

const POLL = { timeout: 30_000 }
const HOUR_MS = 3_600_000

async function undo(page: Page): Promise<void> {
  await page.getByRole('button', { name: 'Undo' }).click()
  await page.getByText('Taken back.').waitFor()
}

async function confirm(page: Page, action: string): Promise<void> {
  await page.getByRole('alertdialog').getByRole('button', { name: action }).click()
}

describe.skipIf(!chromiumPath)('what was done by mistake', () => {
  let world: PanelWorld
  let api: Api

  beforeAll(async () => {
    world = await openPanelWorld()
    api = await signIn(world.turnpike)
  })
  afterAll(async () => {
    await api?.$connection.close()
    await world?.[Symbol.asyncDispose]()
  })

  test('an archived account, group and user come back as they were', async () => {
    const group = await api.groups.create.mutate({ name: 'Back group' })
    await api.groups.update.mutate({ id: group.id, status: 'disabled' })
    const account = await api.accounts.create.mutate({ name: 'Back account', provider: 'sandbox', secret: 'x' })
    const user = await api.users.create.mutate({ email: 'back@example.org' })
    await using opened = await openPage(world.browser)
    const { page, faults } = opened
    await signInPanel(page, world.turnpike, '/groups')
    const cases = [
      { path: '/groups', name: 'Back group', statusOf: () => api.groups.get.query({ id: group.id }), was: 'disabled' },
      {
        path: '/accounts',
        name: 'Back account',
        statusOf: () => api.accounts.get.query({ id: account.id }),
        was: 'active',
      },
      { path: '/users', name: 'back@example.org', statusOf: () => api.users.get.query({ id: user.id }), was: 'active' },
    ]
    for (const { path, name, statusOf, was } of cases) {
      await page.goto(world.turnpike.origin + path)
      await page.getByRole('button', { name: `Actions for ${name}` }).click()
      await page.getByRole('menuitem', { name: 'Archive' }).click()
      await confirm(page, 'Archive')
      await page.getByText(`“${name}” was archived.`).waitFor()
      expect((await statusOf()).status).toBe('archived')
      await undo(page)
      expect((await statusOf()).status).toBe(was)
    }
    await keepShot(page, 'taken-back')
    expect(faults).toEqual([])
  })

  test('a rule that was switched off, and a silence that was ended, go on', async () => {
    const rule = (await api.alerts.rules.list.query({ limit: 100 })).items.find(({ enabled }) => enabled)
    if (rule === undefined) throw new Error('the quick start has no rule that is on')
    const endsAt = new Date(Date.now() + HOUR_MS).toISOString()
    await api.alerts.silences.create.mutate({
      ruleId: rule.id,
      labels: { model: 'a' },
      endsAt,
      reason: 'Ended too early',
    })
    await using opened = await openPage(world.browser)
    const { page, faults } = opened
    await signInPanel(page, world.turnpike, '/alerts/rules')
    await page.getByRole('switch', { name: rule.name }).click()
    await page.getByRole('alertdialog').getByRole('button').last().click()
    const isOn = async () => (await api.alerts.rules.get.query({ id: rule.id })).enabled
    await expect.poll(isOn, POLL).toBe(false)
    await undo(page)
    expect(await isOn()).toBe(true)

    await page.goto(`${world.turnpike.origin}/alerts/silences`)
    await page.getByRole('button', { name: 'End now' }).click()
    await confirm(page, 'End now')
    await page.getByText('The silence has ended.').waitFor()
    expect((await api.alerts.silences.list.query({ status: 'active' })).items).toEqual([])
    await undo(page)
    expect((await api.alerts.silences.list.query({ status: 'active' })).items).toMatchObject([
      { ruleId: rule.id, labels: { model: 'a' }, endsAt, reason: 'Ended too early' },
    ])
    expect(faults).toEqual([])
  })

  test.each(['pointer', 'keyboard'] as const)('it can be taken back while a dialog is open, by %s', async (by) => {
    const group = await api.groups.create.mutate({ name: `Behind by ${by}` })
    await using opened = await openPage(world.browser)
    const { page, faults } = opened
    await signInPanel(page, world.turnpike, '/groups')
    await page.getByRole('button', { name: `Actions for ${group.name}` }).click()
    await page.getByRole('menuitem', { name: 'Archive' }).click()
    await confirm(page, 'Archive')
    const offered = page.getByRole('button', { name: 'Undo' })
    await offered.waitFor()
    await page.getByRole('link', { name: 'Add group' }).press('Enter')
    const dialog = page.getByRole('dialog')
    await dialog.getByLabel('Name').fill('Half typed')
    if (by === 'pointer') await offered.click()
    else {
      // To the notices, then from the notice to what it offers.
      for (const key of ['Alt+t', 'Tab', 'Tab', 'Enter']) await page.keyboard.press(key)
    }
    await page.getByText('Taken back.').waitFor()
    expect((await api.groups.get.query({ id: group.id })).status).toBe('active')
    expect(await dialog.getByLabel('Name').inputValue()).toBe('Half typed')
    expect(faults).toEqual([])
  })

  test('an account’s headers and priorities are typed once, and stay through a change of something else', async () => {
    const group = await api.groups.create.mutate({ name: 'Ranked group' })
    await using opened = await openPage(world.browser)
    const { page, faults } = opened
    await signInPanel(page, world.turnpike, '/accounts?create=1')
    const form = page.getByRole('dialog')
    await form.getByLabel('Name').fill('Ranked account')
    await form.getByLabel('Provider').click()
    await page.getByRole('option', { name: 'Sandbox' }).click()
    await form.getByLabel('Upstream secret').fill('x')
    await form.getByLabel('Ranked group').click()
    await form.getByRole('textbox', { name: 'Ranked group' }).fill('7')
    await form.getByRole('button', { name: 'Add a header' }).click()
    await form.getByLabel('Header', { exact: true }).fill('x team')
    await form.getByLabel('Value', { exact: true }).fill('blue')
    await form.getByRole('button', { name: 'Add account' }).click()
    await form.getByText('letters, digits and hyphens only').waitFor()
    await form.getByLabel('Header', { exact: true }).fill('X-Team')
    await keepShot(page, 'account-extras')
    await form.getByRole('button', { name: 'Add account' }).click()
    await page.getByRole('link', { name: 'Ranked account' }).waitFor()

    const account = (await api.accounts.list.query({ query: 'Ranked account' })).items[0]
    const kept = { extraHeaderNames: ['x-team'], groupPriorities: [{ groupId: group.id, priority: 7 }] }
    expect(account).toMatchObject(kept)
    await page.goto(`${world.turnpike.origin}/accounts?edit=${account?.id}`)
    await form.getByText('Stored: x-team.').waitFor()
    expect(await form.getByRole('textbox', { name: 'Ranked group' }).inputValue()).toBe('7')
    await form.getByLabel('Weight').fill('3')
    await form.getByRole('button', { name: 'Save' }).click()
    await form.waitFor({ state: 'detached' })
    expect(await api.accounts.get.query({ id: account?.id ?? 0 })).toMatchObject({ ...kept, weight: 3 })
    expect(faults).toEqual([])
  })
})
