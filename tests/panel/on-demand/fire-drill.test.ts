import type { Page } from 'playwright-core'
import { describe, expect, test } from 'vitest'
import { signIn } from '../../support/admin.ts'
import { waitFor } from '../../support/wait-for.ts'
import { chromiumPath, keepShot, openPage, openPanelWorld, signInPanel } from '../browser.ts'

/** Of which languages a drill is watched: each takes minutes, because a rule judges whole minutes. */
const LANGUAGES = ['en-US', 'zh-CN'].slice(0, Number(process.env.SOAK_DRILLS ?? 2))
/** A minute of errors must be over, written, judged and told; an account that was rested must be tried again. */
const FIRED_MS = 300_000
const OVER_MS = 400_000
const LOOK_EVERY_MS = 500

function stateOf(page: Page, step: string): Promise<string | null> {
  return page.getByTestId(`drill-${step}`).getAttribute('data-state')
}

async function until(page: Page, step: string, state: string, withinMs: number): Promise<void> {
  await expect.poll(() => stateOf(page, step), { timeout: withinMs, interval: LOOK_EVERY_MS }).toBe(state)
}

describe.skipIf(!chromiumPath)('the fire drill', () => {
  test.each(LANGUAGES)(
    'goes from one click over failover and errors to an alert that is told, and back, in %s',
    { timeout: FIRED_MS + OVER_MS + 60_000 },
    async (locale) => {
      await using world = await openPanelWorld()
      const { turnpike, browser } = world
      await using opened = await openPage(browser, { locale })
      const { page, faults } = opened
      await signInPanel(page, turnpike, '/alerts/drill')
      await page.getByTestId('drill-start').click()
      await page.getByTestId('drill-story').waitFor()
      expect(await stateOf(page, 'fault')).toBe('running')
      for (const step of ['failover', 'errors', 'alert', 'message']) await until(page, step, 'done', FIRED_MS)
      await keepShot(page, `drill-told-${locale}`)
      await page.getByTestId('alert-badge').getByText('1').waitFor()

      const lift = page.getByTestId('drill-lift')
      if (await lift.isVisible()) await lift.click()
      await until(page, 'recovery', 'done', OVER_MS)
      await keepShot(page, `drill-over-${locale}`)
      expect(faults).toEqual([])

      const api = await signIn(turnpike)
      const event = (await api.alerts.events.list.query({ status: 'resolved' })).items[0]
      expect(event).toMatchObject({ ruleName: 'Fire drill', resolvedReason: 'recovered' })
      const sent = await waitFor(
        'both messages to have been taken',
        async () => {
          const { items } = await api.alerts.deliveries.list.query({ eventId: event?.id ?? 0, status: 'sent' })
          return items.length === 2 ? items : null
        },
        30_000,
      )
      expect(sent.map(({ kind }) => kind).toSorted()).toEqual(['firing', 'resolved'])
      const { inbox, faults: left } = await api.sandbox.status.query()
      const taken = inbox?.messages.map(({ id }) => id) ?? []
      for (const { messageId } of sent) expect(taken.filter((id) => id === messageId)).toEqual([messageId])
      expect(left).toEqual([])
      const { items: keys } = await api.keys.list.query({ query: 'Fire drill' })
      expect(keys.map(({ status }) => status)).toEqual(['revoked'])
    },
  )
})
