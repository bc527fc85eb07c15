import type { RuleInput } from '@turnpike/core/alerts/rule'
import { expect, test } from 'vitest'
import { alertWorld } from '../../apps/server/src/testing/alert-world.ts'

/** Episodes that begin at once; the full figure is that of `npm run soak`. */
const EPISODES = Number(process.env.SOAK_ALERT_EPISODES ?? 50)
const EVALUATORS = 5
const FAILED = { outcome: 'failed', status: 502, errorCode: 'upstream_failed' } as const
const ERRORS: RuleInput = {
  name: 'Errors',
  metric: 'error_rate',
  operator: '>',
  threshold: 50,
  windowMinutes: 1,
  forMinutes: 0,
  keepFiringMinutes: 0,
  minSamples: 1,
  repeatMinutes: 0,
}

test('five evaluators at once make exactly one event and one message of each episode', async () => {
  await using world = await alertWorld({ evaluators: EVALUATORS })
  for (let n = 0; n < EPISODES; n += 1) await world.rule({ ...ERRORS, name: `Errors ${n}` })
  for (const minute of [0, 1, 2, 3]) {
    await world.minute(minute, [minute % 2 === 1 ? FAILED : {}])
    const runs = world.evaluators.map((evaluator) => evaluator.evaluate(world.atMs(minute) + 15_000))
    const judged = (await Promise.all(runs)).reduce((sum, run) => sum + run.judged, 0)
    // Who finds a rule in other hands leaves it: what is left over is for the next run.
    const later = await world.evaluate(minute)
    expect(judged + later.judged).toBe(EPISODES)
  }
  const [counted] = await world.sql`select
    (select count(*)::int from ops_alert_events) as events,
    (select count(distinct (rule_id, episode))::int from ops_alert_events) as episodes,
    (select count(*)::int from alert_deliveries where kind = 'firing') as firing,
    (select count(*)::int from alert_deliveries where kind = 'resolved') as resolved`
  expect(counted).toEqual({ events: 2 * EPISODES, episodes: 2 * EPISODES, firing: 2 * EPISODES, resolved: EPISODES })
}, 600_000)
