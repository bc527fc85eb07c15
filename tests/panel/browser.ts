import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { type Browser, type BrowserContextOptions, chromium, type Locator, type Page } from 'playwright-core'
import { expect } from 'vitest'
import { makeDataDir } from '../support/data-dir.ts'
import { findChromium } from '../support/find-program.ts'
import { startTurnpike, type Turnpike } from '../support/start-turnpike.ts'

/** Where screenshots are kept. */
const SHOTS = join(import.meta.dirname, '../../test-results/panel')
const ACTION_MS = 60_000
const LAUNCH_MS = 120_000

export const chromiumPath = findChromium()

/** A Turnpike in its quick start and a Chromium to look at it with; both gone after use. */
export interface PanelWorld extends AsyncDisposable {
  turnpike: Turnpike
  browser: Browser
}

export async function openPanelWorld(): Promise<PanelWorld> {
  await using opening = new AsyncDisposableStack()
  const { path } = opening.use(await makeDataDir())
  const turnpike = opening.use(await startTurnpike({ dataDir: path }))
  const browser = await launchBrowser()
  opening.defer(() => browser.close())
  const opened = opening.move()
  return { turnpike, browser, [Symbol.asyncDispose]: () => opened.disposeAsync() }
}

export function launchBrowser(): Promise<Browser> {
  return chromium.launch({ executablePath: chromiumPath, args: ['--no-sandbox'], timeout: LAUNCH_MS })
}

export interface PanelPage extends AsyncDisposable {
  page: Page
  /** What a healthy page never does: dialogs, reports of its policy, uncaught errors. */
  faults: string[]
}

/** A page of its own profile, with everything it must not do written down. */
export async function openPage(browser: Browser, options: BrowserContextOptions = {}): Promise<PanelPage> {
  const context = await browser.newContext({ locale: 'en-US', viewport: { width: 1440, height: 900 }, ...options })
  const faults: string[] = []
  await context.exposeFunction('reportViolation', (text: string) => void faults.push(text))
  await context.addInitScript(() => {
    document.addEventListener('securitypolicyviolation', ({ violatedDirective, blockedURI }) => {
      void Reflect.get(globalThis, 'reportViolation')(`policy: ${violatedDirective} ${blockedURI}`)
    })
  })
  const page = await context.newPage()
  page.setDefaultTimeout(ACTION_MS)
  page.on('pageerror', (error) => faults.push(`error: ${error.message}`))
  page.on('dialog', (dialog) => {
    faults.push(`dialog: ${dialog.message()}`)
    void dialog.dismiss()
  })
  return { page, faults, [Symbol.asyncDispose]: () => context.close() }
}

/** Opens a page of the panel and signs in as the quick start's owner, in the language the browser asked for. */
export async function signInPanel(page: Page, { facts, origin }: Turnpike, path = '/'): Promise<void> {
  await page.goto(origin + path)
  await page.locator('input[name=email]').fill(facts.adminEmail)
  await page.locator('input[name=password]').fill(facts.adminPassword)
  await page.keyboard.press('Enter')
  await page.locator('#main').waitFor()
}

/** Until everything that the page waits for has come. */
export async function settle(page: Page): Promise<void> {
  // A page that is slow to begin asks for nothing either.
  await page.locator('#main').waitFor()
  await page.waitForLoadState('networkidle')
  await page.waitForFunction(() => document.querySelector('[aria-busy="true"]') === null)
}

/** Until what is typed goes there: what has just appeared gets the focus a moment later. */
export async function untilFocused(locator: Locator): Promise<void> {
  await expect.poll(() => locator.evaluate((element) => element === document.activeElement)).toBe(true)
}

/** Keeps what the page looks like. */
export async function keepShot(page: Page, name: string): Promise<void> {
  await mkdir(SHOTS, { recursive: true })
  await page.screenshot({ path: join(SHOTS, `${name}.png`) })
}
