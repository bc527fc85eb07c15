import type { Evaluator } from './evaluator.ts'

const MINUTE_MS = 60_000
/** Instances have written a minute by then. */
const AFTER_SECONDS = 20

/**
 * The job that judges each minute once over all instances. Their own clocks come before it, because a queue looks up only
 * now and then; it goes on where they all stopped, and tells whether evaluation works.
 */
export function alertsJob({ evaluate }: Pick<Evaluator, 'evaluate'>) {
  return {
    name: 'alerts.evaluate',
    cron: '* * * * *',
    everyMs: MINUTE_MS,
    afterSeconds: AFTER_SECONDS,
    expireInSeconds: 55,
    run: () => evaluate(),
  }
}
