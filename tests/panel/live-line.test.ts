import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { chromiumPath, keepShot, openPage, openPanelWorld, type PanelWorld, signInPanel } from './browser.ts'

const STALE_WITHIN_MS = 60_000

describe.skipIf(!chromiumPath)('the live line of the panel', () => {
  let world: PanelWorld

  beforeAll(async () => {
    world = await openPanelWorld()
  })
  afterAll(() => world?.[Symbol.asyncDispose]())

  test('says when its data is old, and comes back by itself', async () => {
    await using opened = await openPage(world.browser)
    const { page, faults } = opened
    await signInPanel(page, world.turnpike)
    await page.getByRole('status', { name: 'Live' }).waitFor()
    const shown = await page.getByTestId('live-accounts').textContent()

    world.turnpike.signal('SIGSTOP')
    try {
      await page.getByRole('status', { name: 'Stale' }).waitFor({ timeout: STALE_WITHIN_MS })
      await keepShot(page, 'stale')
      expect(await page.getByTestId('live-accounts').textContent()).toBe(shown)
    } finally {
      world.turnpike.signal('SIGCONT')
    }
    await page.getByRole('status', { name: 'Live' }).waitFor()
    expect(faults).toEqual([])
  })

  test('shows seconds that nothing is known of as a gap, and no data as no data', async () => {
    await using opened = await openPage(world.browser)
    const { page } = opened
    await signInPanel(page, world.turnpike)
    await page.getByRole('status', { name: 'Live' }).waitFor()
    expect(await page.getByTestId('live-ttft').textContent()).toContain('No data')
    expect(await page.getByTestId('live-error-rate').textContent()).toContain('No data')
    expect(await page.getByTestId('live-in-flight').textContent()).toBe('0')
  })
})
