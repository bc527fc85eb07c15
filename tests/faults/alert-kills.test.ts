import { expect, test } from 'vitest'
import { alertKillWorld, PATIENCE_MS } from './alert-kill-world.ts'
import { ALERT_STEPS } from './alert-steps.ts'

/** Kills at each step; the full figure is that of `npm run soak`. */
const KILLS = Number(process.env.SOAK_ALERT_KILLS ?? 2)

test.each(ALERT_STEPS)(
  `${KILLS} × kill -9 $name: no message is lost, each comes $inTheEnd × under one id`,
  async (step) => {
    await using world = await alertKillWorld(step)
    let living = world.start()
    for (let minute = 0; minute < KILLS; minute += 1) {
      await world.write(minute)
      expect(await world.killAtStep(living, minute)).toBe(step.arrived)
      expect(await living.process.exited).toEqual({ code: null, signal: 'SIGKILL' })
      living = world.start()
      world.evaluate(living, minute)
      await world.messages(minute + 1)
    }
    living.child.stdin?.end()
    expect(await living.process.exited, living.process.output()).toEqual({ code: 0, signal: null })

    const messages = await world.messages(KILLS)
    const told = Array.from({ length: KILLS }, (_, minute) => (minute % 2 === 0 ? 'firing sent' : 'resolved sent'))
    expect(messages.map(({ kind, status }) => `${kind} ${status}`)).toEqual(told)
    const arrived = Map.groupBy(world.received, ({ headers }) => headers['webhook-id'])
    expect([...arrived].map(([id, { length }]) => [id, length])).toEqual(messages.map(({ id }) => [id, step.inTheEnd]))
    expect(await world.events()).toHaveLength(Math.ceil(KILLS / 2))
  },
  (KILLS + 1) * PATIENCE_MS,
)
