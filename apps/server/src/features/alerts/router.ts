import { router } from '../../trpc.ts'
import { channelsRouter } from './channels/channels-router.ts'
import { deliveriesRouter } from './delivery/deliveries-router.ts'
import { alertEventsRouter, alertsLive } from './events/events-router.ts'
import { alertRulesRouter } from './rules/rules-router.ts'
import { silencesRouter } from './silences/silences-router.ts'

export const alertsRouter = router({
  rules: alertRulesRouter,
  events: alertEventsRouter,
  channels: channelsRouter,
  silences: silencesRouter,
  deliveries: deliveriesRouter,
  live: alertsLive,
})
