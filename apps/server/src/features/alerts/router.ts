import { router } from '../../trpc.ts'
import { alertEventsRouter, alertsLive } from './events/events-router.ts'
import { alertRulesRouter } from './rules/rules-router.ts'

export const alertsRouter = router({
  rules: alertRulesRouter,
  events: alertEventsRouter,
  live: alertsLive,
})
