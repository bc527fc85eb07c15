import type { Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { signIn } from '../support/admin.ts'
import { chromiumPath, keepShot, openPage, openPanelWorld, type PanelWorld, signInPanel } from './browser.ts'

const WAIT = { timeout: 60_000 }

async function ask(page: Page, text: string, model = 'sandbox-small'): Promise<void> {
  await page.getByLabel('Model').fill(model)
  await page.getByLabel('What to ask').fill(text)
  await page.getByRole('button', { name: 'Send' }).click()
}

async function choose(page: Page, field: string, option: string): Promise<void> {
  await page.getByLabel(field).click()
  await page.getByRole('option', { name: option }).click()
}

describe.skipIf(!chromiumPath)('the playground, in Chromium', () => {
  let world: PanelWorld

  beforeAll(async () => {
    world = await openPanelWorld()
  })
  afterAll(() => world?.[Symbol.asyncDispose]())

  test.each(['Chat completions', 'Responses'])('streams an answer by %s, with what it took', async (protocol) => {
    const { turnpike, browser } = world
    await using opened = await openPage(browser)
    const { page, faults } = opened
    await signInPanel(page, turnpike, '/playground')
    await choose(page, 'Protocol', protocol)
    await ask(page, '[[sandbox: text="A good answer." eventMs=20]] What is it?')
    await expect.poll(() => page.getByTestId('answer').textContent(), WAIT).toBe('A good answer.')
    await expect.poll(() => page.getByTestId('run-state').textContent(), WAIT).toBe('Complete')
    await expect.poll(() => page.getByTestId('ledger-gateway').textContent(), WAIT).toMatch(/ms|sec/)
    await expect.poll(() => page.getByTestId('here-ttft').textContent(), WAIT).toMatch(/ms|sec/)
    await expect.poll(() => page.getByTestId('run-tokens').textContent(), WAIT).toMatch(/\d+\s+\/ \d+/)
    await expect.poll(() => page.getByTestId('run-cost').textContent(), WAIT).toContain('$')
    await keepShot(page, `playground-${protocol.slice(0, 4).toLowerCase()}`)
    await page.getByTestId('run-facts').getByRole('link').click()
    await page.getByText('Where the time went').waitFor()
    expect(faults).toEqual([])
  })

  test('stops when it is told to, and keeps what has come', async () => {
    const { turnpike, browser } = world
    await using opened = await openPage(browser)
    const { page, faults } = opened
    await signInPanel(page, turnpike, '/playground')
    await ask(page, '[[sandbox: events=5000 eventMs=200]] Go on and on')
    await expect.poll(() => page.getByTestId('answer').textContent(), WAIT).not.toBe('')
    await page.getByRole('button', { name: 'Stop' }).click()
    await expect.poll(() => page.getByTestId('run-state').textContent(), WAIT).toBe('Stopped')
    expect(await page.getByTestId('answer').textContent()).not.toBe('')
    expect(faults).toEqual([])
  })

  test('shows an error as the gateway gives it', async () => {
    const { turnpike, browser } = world
    await using opened = await openPage(browser)
    const { page, faults } = opened
    await signInPanel(page, turnpike, '/playground')
    await ask(page, 'Who are you?', 'no-such-model')
    await page.getByTestId('run-error').waitFor()
    await expect.poll(() => page.getByTestId('run-error').textContent(), WAIT).toContain('model_not_found')
    await expect.poll(() => page.getByTestId('run-state').textContent(), WAIT).toBe('Failed')
    expect(faults).toEqual([])
  })

  test('asks with a key of one hour, which is listed, is in no page, and can be revoked', async () => {
    const { turnpike, browser } = world
    await using opened = await openPage(browser)
    const { page, faults } = opened
    let bearer = ''
    page.on('request', (request) => {
      if (request.url().includes('/v1/')) bearer = request.headers().authorization ?? ''
    })
    await signInPanel(page, turnpike, '/playground')
    await ask(page, 'Hello')
    await page.getByTestId('answer').waitFor()
    const secret = bearer.replace('Bearer ', '')
    expect(secret).toMatch(/^tp-/)
    expect(await page.content()).not.toContain(secret)
    await page.getByRole('button', { name: 'Revoke' }).click()
    await page.getByText('The playground’s key was revoked.').waitFor()
    const client = await signIn(turnpike)
    const { items } = await client.keys.list.query({ query: secret.slice(3, 13) })
    await client.$connection.close()
    expect(items).toMatchObject([{ name: 'Playground', status: 'revoked' }])
    expect(faults).toEqual([])
  })
})
