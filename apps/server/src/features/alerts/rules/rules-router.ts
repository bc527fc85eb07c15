import {
  alertRuleCreate,
  alertRuleList,
  alertRulePreview,
  alertRuleSetEnabled,
  alertRuleUpdate,
} from '@turnpike/core/inputs/alert-rules'
import { byId } from '@turnpike/core/inputs/primitives'
import { procedure, router } from '../../../trpc.ts'

/** A month of minutes takes longer to judge than a procedure usually may. */
const PREVIEW_MS = 15_000

export const alertRulesRouter = router({
  list: procedure('alerts:read')
    .input(alertRuleList)
    .query(({ ctx, input }) => ctx.services.alertRules.list(input)),
  get: procedure('alerts:read')
    .input(byId)
    .query(({ ctx, input }) => ctx.services.alertRules.get(input.id)),
  create: procedure('alerts:write')
    .input(alertRuleCreate)
    .mutation(({ ctx, input }) => ctx.services.alertRules.create(input, ctx.identity.userId, ctx.actor)),
  update: procedure('alerts:write')
    .input(alertRuleUpdate)
    .mutation(({ ctx, input }) => ctx.services.alertRules.update(input, ctx.actor)),
  setEnabled: procedure('alerts:write')
    .input(alertRuleSetEnabled)
    .mutation(({ ctx, input }) => ctx.services.alertRules.setEnabled(input, ctx.actor)),
  remove: procedure('alerts:write')
    .input(byId)
    .mutation(({ ctx, input }) => ctx.services.alertRules.remove(input.id, ctx.actor)),
  preview: procedure('alerts:read', { deadlineMs: PREVIEW_MS })
    .input(alertRulePreview)
    .query(({ ctx, input }) => ctx.services.previewAlertRule(input)),
})
