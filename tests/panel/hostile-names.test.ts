import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { signIn } from '../support/admin.ts'
import { chromiumPath, keepShot, openPage, openPanelWorld, type PanelWorld, settle, signInPanel } from './browser.ts'

const HOSTILE = [
  '<script>alert(1)</script>',
  '"><img src=x onerror=alert(1)>',
  "'-alert(1)-'",
  'javascript:alert(1)',
  '{{constructor.constructor("alert(1)")()}}',
  '$' + '{alert(1)}',
  '</title><svg onload=alert(1)>',
  '\u202egnp.txt\u202c',
  `${'very long '.repeat(19)}name`,
  '𝕏 ﷽ Z̴̛a̶l̷g̸o̵',
]

describe.skipIf(!chromiumPath)('names that mean harm', () => {
  let world: PanelWorld

  beforeAll(async () => {
    world = await openPanelWorld()
    const client = await signIn(world.turnpike)
    for (const [index, name] of HOSTILE.entries()) {
      const group = await client.groups.create.mutate({ name })
      const user = await client.users.create.mutate({
        name,
        email: `user${index}@example.org`,
        notes: name,
        groupIds: [group.id],
      })
      await client.keys.create.mutate({ name, userId: user.id, groupId: group.id })
      await client.tokens.create.mutate({ name, scopes: ['usage:read'] })
      await client.accounts.create.mutate({
        name,
        provider: 'sandbox',
        secret: 'x',
        models: [name.slice(0, 100)],
        modelMapping: { [name.slice(0, 100)]: name.slice(0, 100) },
        groupIds: [group.id],
      })
    }
    const paid = await client.groups.create.mutate({ name: HOSTILE[1] ?? '', billing: 'subscription' })
    await client.subscriptions.assign.mutate({ userId: 2, groupId: paid.id, days: 1 })
    await client.redeem.generate.mutate({ kind: 'subscription', groupId: paid.id, days: 1, notes: HOSTILE[0] })
    await client.prices.set.mutate({ model: HOSTILE[0] ?? '', serviceTier: 'x">', input: '1', output: '1' })
    await client.$connection.close()
    for (const model of HOSTILE) {
      await fetch(`${world.turnpike.facts.gatewayUrl}/chat/completions`, {
        method: 'POST',
        headers: {
          authorization: `Bearer ${world.turnpike.facts.apiKey}`,
          'content-type': 'application/json',
          'user-agent': '<img src=x onerror=alert(1)>',
        },
        body: JSON.stringify({ model, messages: [] }),
      }).then((response) => response.arrayBuffer())
    }
  })
  afterAll(() => world?.[Symbol.asyncDispose]())

  test.each([
    '/',
    '/requests',
    '/errors',
    '/requests?model=%3Cscript%3Ealert(1)%3C%2Fscript%3E&user=%22%3E&range=custom&from=javascript:1',
    '/accounts',
    '/accounts/2',
    '/accounts?edit=3',
    '/groups',
    '/groups?edit=4',
    '/users',
    '/users?edit=5',
    '/keys',
    '/keys?create=1',
    '/keys?edit=6',
    '/users?adjust=5',
    '/subscriptions',
    '/subscriptions?edit=1',
    '/redeem',
    '/prices',
    '/prices?edit=1',
    '/usage?by=user',
    '/usage?by=key&model=%3Cscript%3Ealert(1)%3C%2Fscript%3E&range=custom&from=javascript:1',
    '/my/keys?create=1',
    '/my/requests?model=%3Cimg%20src=x%20onerror=alert(1)%3E',
    '/my/errors',
    '/playground',
    '/settings/tokens',
    '/settings/audit?action=%3Cscript%3E&by=%22&from=javascript:1',
    '/settings/audit',
    '/settings/retention?table=%3Cimg%20src=x%3E',
    '/requests/%3Cimg%20src=x%20onerror=alert(1)%3E',
  ])('are shown as text on %s', async (path) => {
    await using opened = await openPage(world.browser)
    const { page, faults } = opened
    await signInPanel(page, world.turnpike, path)
    await settle(page)
    expect(await page.locator('main script, main img, [onerror], [onload]').count()).toBe(0)
    expect(faults).toEqual([])
  })

  test('neither run in what is found, asked and told', async () => {
    await using opened = await openPage(world.browser)
    const { page, faults } = opened
    await signInPanel(page, world.turnpike, '/groups')
    await page.keyboard.press('Control+k')
    await page.getByPlaceholder('A page, an account').fill('script')
    await page.getByRole('option', { name: '<script>alert(1)</script>' }).first().waitFor()
    await keepShot(page, 'hostile-palette')
    await page.keyboard.press('Escape')

    await page.getByRole('button', { name: 'Actions for <script>' }).click()
    await page.getByRole('menuitem', { name: 'Archive' }).click()
    const question = page.getByRole('alertdialog')
    expect(await question.textContent()).toContain('Archive group “<script>alert(1)</script>”?')
    await question.getByRole('button', { name: 'Archive' }).click()
    await page.getByText('“<script>alert(1)</script>” was archived.').waitFor()
    expect(faults).toEqual([])
  })
})
