import { randomBytes } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { makeDataDir } from '../support/data-dir.ts'
import { spawnTurnpike } from '../support/start-turnpike.ts'
import { waitFor } from '../support/wait-for.ts'
import { chromiumPath, keepShot, launchBrowser, openPage } from './browser.ts'

const START_MS = 60_000

describe.skipIf(!chromiumPath)('the first run in production', () => {
  test('who reads what the server printed becomes the owner, once', async () => {
    await using data = await makeDataDir()
    await using turnpike = spawnTurnpike({
      dataDir: data.path,
      env: {
        NODE_ENV: 'production',
        HOST: '127.0.0.1',
        TURNPIKE_SECRET_KEY: randomBytes(32).toString('base64'),
      },
    })
    const address = await waitFor(
      'the server to print where to begin',
      async () => /http:\S+\/setup#[\w-]{43}/.exec(turnpike.output())?.[0] ?? null,
      START_MS,
    )
    const { origin } = new URL(address)
    await using browser = await launchBrowser()
    await using opened = await openPage(browser)
    const { page, faults } = opened

    await page.goto(origin)
    await page.getByText('Nobody owns this installation yet').waitFor()
    await page.getByLabel('Token').fill('not it')
    await page.getByLabel('E-mail').fill('first@example.org')
    await page.getByLabel('New password').fill('a long password')
    await page.getByRole('button', { name: 'Become the owner' }).click()
    await page.getByText('This is not the token of this installation.').first().waitFor()
    await keepShot(page, 'first-run')

    await page.goto(address)
    await page.getByLabel('E-mail').fill('first@example.org')
    await page.getByLabel('New password').fill('a long password')
    await page.getByRole('button', { name: 'Become the owner' }).click()
    await page.getByRole('heading', { name: 'Dashboard' }).waitFor()
    expect(page.url()).toBe(`${origin}/`)

    await using stranger = await openPage(browser)
    await stranger.page.goto(address)
    await stranger.page.getByLabel('E-mail').fill('second@example.org')
    await stranger.page.getByLabel('New password').fill('a long password')
    await stranger.page.getByRole('button', { name: 'Become the owner' }).click()
    await stranger.page.getByText('This installation has an owner already.').waitFor()
    await stranger.page.goto(origin)
    await stranger.page.getByRole('button', { name: 'Sign in' }).waitFor()
    expect(faults).toEqual([])
  })
})
