import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import en from '../../apps/admin/messages/en.json' with { type: 'json' }
import zh from '../../apps/admin/messages/zh.json' with { type: 'json' }
import { signIn } from '../support/admin.ts'
import { chromiumPath, keepShot, openPage, openPanelWorld, type PanelWorld } from './browser.ts'

const COUNTED_WITHIN_MS = 60_000
const PASSWORD = 'a password of his own'

const LANGUAGES = [
  { language: 'English', locale: 'en-US', text: en, email: 'mia@example.org' },
  { language: 'Chinese', locale: 'zh-CN', text: zh, email: 'wei@example.org' },
]

function named(text: string, name: string): string {
  return text.replace('{name}', name)
}

describe.skipIf(!chromiumPath)('a plain user', () => {
  let world: PanelWorld

  beforeAll(async () => {
    world = await openPanelWorld()
  })
  afterAll(() => world?.[Symbol.asyncDispose]())

  async function invite(email: string) {
    const owner = await signIn(world.turnpike)
    const { invite } = await owner.users.create.mutate({ email })
    const { codes } = await owner.redeem.generate.mutate({ kind: 'balance', amount: '5' })
    await owner.$connection.close()
    return { link: invite?.url ?? '', code: codes[0] ?? '' }
  }

  async function ask(apiKey: string, model: string): Promise<number> {
    const response = await fetch(`${world.turnpike.facts.gatewayUrl}/chat/completions`, {
      method: 'POST',
      headers: { authorization: `Bearer ${apiKey}`, 'content-type': 'application/json' },
      body: JSON.stringify({ model, messages: [{ role: 'user', content: 'Hello' }] }),
    })
    await response.arrayBuffer()
    return response.status
  }

  test.each(LANGUAGES)('goes his whole way in $language', async ({ locale, text, email }) => {
    const { link, code } = await invite(email)
    await using opened = await openPage(world.browser, { locale })
    const { page, faults } = opened

    await page.goto(link)
    await page.getByLabel(text.new_password).fill('short')
    await page.getByRole('button', { name: text.invite_accept }).click()
    await page.getByText(text.issue_too_short.replace('{min}', '8')).waitFor()
    await page.getByLabel(text.new_password).fill(PASSWORD)
    await page.getByRole('button', { name: text.invite_accept }).click()
    await page.waitForURL('**/my')
    expect(page.url()).not.toContain('#')

    const own = page.getByRole('navigation', { name: text.page_my })
    await own.getByRole('link', { name: text.page_keys }).click()
    await page.getByRole('link', { name: text.add_key }).click()
    await page.getByLabel(text.name).fill('Notebook')
    // The one group he may use is chosen already.
    await page.getByRole('button', { name: text.create_key }).click()
    const apiKey = await page.getByTestId('secret').inputValue()
    await page.getByRole('button', { name: text.done, exact: true }).click()
    await page.getByTestId('secret').waitFor({ state: 'detached' })
    expect(await page.content()).not.toContain(apiKey)
    expect(await ask(apiKey, 'sandbox-small')).toBe(200)
    expect(await ask(apiKey, 'no-such-model')).toBe(404)

    await own.getByRole('link', { name: text.page_usage }).click()
    const requests = page.getByTestId('stat-requests')
    await expect
      .poll(
        async () => {
          await page.getByRole('button', { name: text.refresh }).click()
          return requests.textContent()
        },
        { timeout: COUNTED_WITHIN_MS, interval: 500 },
      )
      .toBe('1')
    await page.locator('canvas').waitFor()
    await keepShot(page, `my-usage-${locale}`)

    await own.getByRole('link', { name: text.page_requests }).click()
    const request = page.getByRole('row').filter({ hasText: 'sandbox-small' }).getByRole('link')
    const requestId = (await request.getAttribute('href'))?.split('/').at(-1) ?? ''
    await page.getByLabel(text.request_id).fill(`req_${requestId}`)
    await page.keyboard.press('Enter')
    await page.getByText(text.waterfall).waitFor()
    expect(await page.locator('#main').textContent()).not.toContain('Sandbox')

    await own.getByRole('link', { name: text.page_errors }).click()
    await page.getByRole('row').filter({ hasText: 'model_not_found' }).filter({ hasText: 'no-such-model' }).waitFor()

    await own.getByRole('link', { name: text.overview }).click()
    await page.getByLabel(text.redeem_code, { exact: true }).fill('tpr-wrong')
    await page.getByRole('button', { name: text.redeem_now }).click()
    await page.getByText(text.redeem_void).waitFor()
    await page.getByLabel(text.redeem_code, { exact: true }).fill(code)
    await page.getByRole('button', { name: text.redeem_now }).click()
    await page.getByTestId('stat-balance').filter({ hasText: '5.00' }).waitFor()
    await keepShot(page, `my-account-${locale}`)

    await own.getByRole('link', { name: text.page_keys }).click()
    await page.getByRole('button', { name: named(text.actions_for, 'Notebook') }).click()
    await page.getByRole('menuitem', { name: text.rotate }).click()
    await page.getByRole('dialog').getByRole('button', { name: text.rotate }).click()
    const rotated = await page.getByTestId('secret').inputValue()
    expect(rotated).not.toBe(apiKey)
    expect(await ask(rotated, 'sandbox-small')).toBe(200)
    expect(await ask(apiKey, 'sandbox-small')).toBe(200)
    await page.getByRole('button', { name: text.done, exact: true }).click()
    const old = page.getByRole('row').filter({ hasText: apiKey.slice(-4) })
    await old.getByRole('button', { name: named(text.actions_for, 'Notebook') }).click()
    await page.getByRole('menuitem', { name: text.revoke }).click()
    await page.getByRole('alertdialog').getByRole('button', { name: text.revoke }).click()
    await old.getByText(text.status_revoked).waitFor()
    await expect.poll(() => ask(apiKey, 'sandbox-small'), { timeout: COUNTED_WITHIN_MS }).toBe(401)

    await page.goto(link)
    await page.getByLabel(text.new_password).fill(PASSWORD)
    await page.getByRole('button', { name: text.invite_accept }).click()
    await page.getByText(text.invite_void).waitFor()
    expect(faults).toEqual([])
  })

  test('is asked before what he typed is lost, whatever leads away', async () => {
    const { link } = await invite('ida@example.org')
    await using opened = await openPage(world.browser)
    const { page } = opened
    await page.goto(link)
    await page.getByLabel('New password').fill(PASSWORD)
    await page.keyboard.press('Enter')
    await page.waitForURL('**/my')
    await page.goto(`${world.turnpike.origin}/my/keys`)
    await page.getByRole('link', { name: 'Create key' }).click()
    const name = page.getByLabel('Name')
    await name.fill('Half typed')
    const question = page.getByRole('alertdialog', { name: 'Leave without saving?' })
    for (const leave of [() => page.keyboard.press('Escape'), () => page.goBack()]) {
      await leave()
      await question.getByRole('button', { name: 'Cancel' }).click()
      await question.waitFor({ state: 'detached' })
      expect(await name.inputValue()).toBe('Half typed')
    }
    await page.getByRole('button', { name: 'Close' }).click()
    await question.getByRole('button', { name: 'Leave' }).click()
    await name.waitFor({ state: 'detached' })
    await page.getByRole('link', { name: 'Create key' }).click()
    await name.waitFor()
    expect(await name.inputValue()).toBe('')
    await page.keyboard.press('Escape')
    await name.waitFor({ state: 'detached' })
  })
})
