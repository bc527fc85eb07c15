import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { signIn } from '../support/admin.ts'
import {
  chromiumPath,
  keepShot,
  openPage,
  openPanelWorld,
  type PanelWorld,
  signInPanel,
  untilFocused,
} from './browser.ts'

describe.skipIf(!chromiumPath)('sessions in the panel', () => {
  let world: PanelWorld

  beforeAll(async () => {
    world = await openPanelWorld()
  })
  afterAll(() => world?.[Symbol.asyncDispose]())

  test('a wrong password is told, and what was typed stays', async () => {
    await using opened = await openPage(world.browser)
    const { page } = opened
    await page.goto(world.turnpike.origin)
    await page.getByLabel('E-mail').fill(world.turnpike.facts.adminEmail)
    await page.getByLabel('Password').fill('not it')
    await page.getByRole('button', { name: 'Sign in' }).click()
    await page.getByText('E-mail or password is wrong.').waitFor()
    expect(await page.getByLabel('E-mail').inputValue()).toBe(world.turnpike.facts.adminEmail)
  })

  test('when the session ends, the page keeps what was typed and goes on after signing in there', async () => {
    await using opened = await openPage(world.browser)
    const { page, faults } = opened
    await signInPanel(page, world.turnpike, '/groups?create=1')
    await page.getByLabel('Name').fill('Half typed')

    const owner = await signIn(world.turnpike)
    const { items } = await owner.auth.sessions.list.query()
    for (const { id, current } of items) if (!current) await owner.auth.sessions.revoke.mutate({ id })
    await owner.$connection.close()

    const dialog = page.getByRole('dialog', { name: 'Your session is over' })
    await dialog.waitFor()
    await keepShot(page, 'session-over')
    // The focus waits where only the password is missing.
    await untilFocused(dialog.getByLabel('Password'))
    await page.keyboard.type(world.turnpike.facts.adminPassword)
    await page.keyboard.press('Enter')
    await dialog.waitFor({ state: 'detached' })
    expect(await page.getByLabel('Name').inputValue()).toBe('Half typed')
    await page.getByRole('button', { name: 'Add group' }).click()
    await page.getByRole('cell', { name: 'Half typed', exact: true }).waitFor()
    await page.getByRole('status', { name: 'Live' }).waitFor()
    expect(faults).toEqual([])
  })

  test('signing out leaves nothing on the page', async () => {
    await using opened = await openPage(world.browser)
    const { page } = opened
    await signInPanel(page, world.turnpike, '/accounts')
    await page.getByRole('button', { name: 'User menu' }).click()
    await page.getByRole('menuitem', { name: 'Sign out' }).click()
    await page.getByLabel('Password').waitFor()
    await expect.poll(() => page.locator('body').textContent()).not.toContain('Sandbox')
    await page.reload()
    await page.getByLabel('Password').waitFor()
  })

  test('a plain user finds his account where others find the dashboard, and is told which pages are not for him', async () => {
    const owner = await signIn(world.turnpike)
    await owner.users.create.mutate({ email: 'plain@example.org', password: 'plain password' })
    await owner.$connection.close()
    await using opened = await openPage(world.browser)
    const { page, faults } = opened
    await page.goto(`${world.turnpike.origin}/accounts`)
    await page.getByLabel('E-mail').fill('plain@example.org')
    await page.getByLabel('Password').fill('plain password')
    await page.getByRole('button', { name: 'Sign in' }).click()
    await page.getByText('This page is not for your role').waitFor()
    await page.goto(world.turnpike.origin)
    await page.waitForURL('**/my')
    await page.getByRole('heading', { name: 'My account' }).waitFor()
    const pages = page.getByRole('navigation', { name: 'Main navigation' }).getByRole('link')
    const titles = ['Settings', 'Playground', 'My account']
    await expect.poll(() => pages.allTextContents()).toEqual(titles.map((title) => expect.stringContaining(title)))
    expect(faults).toEqual([])
  })
})
