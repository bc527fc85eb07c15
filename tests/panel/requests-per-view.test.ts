import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { chromiumPath, openPage, openPanelWorld, type PanelWorld, settle, signInPanel } from './browser.ts'
import { OWN_PAGES, PAGES, PAGES_OF_MONEY } from './pages.ts'

const MAX_REQUESTS = 3
/** What a view asks for later than this is a poll of its own. */
const FIRST_MS = 500

describe.skipIf(!chromiumPath)('what a view asks for besides the socket', () => {
  let world: PanelWorld

  beforeAll(async () => {
    world = await openPanelWorld()
  })
  afterAll(() => world?.[Symbol.asyncDispose]())

  test.each([
    ['the views of operators', PAGES],
    ['the views of money, and of plain users', [...PAGES_OF_MONEY, ...OWN_PAGES]],
  ])('is at most three requests, of %s', async (_, paths) => {
    await using opened = await openPage(world.browser)
    const { page } = opened
    await signInPanel(page, world.turnpike)
    const asked: string[] = []
    page.on('request', (request) => {
      if (request.resourceType() === 'fetch' || request.resourceType() === 'xhr')
        asked.push(new URL(request.url()).pathname)
    })
    const tooMany: Record<string, string[]> = {}
    // A form that is open over a view asks for its own choices.
    for (const path of paths.filter((each) => !each.includes('?'))) {
      asked.length = 0
      await page.goto(new URL(path, world.turnpike.origin).href)
      await settle(page)
      await page.waitForTimeout(FIRST_MS)
      if (asked.length > MAX_REQUESTS) tooMany[path] = [...asked]
    }
    expect(tooMany).toEqual({})
  })
})
