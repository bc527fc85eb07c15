import { auditList } from '@turnpike/core/inputs/audit'
import { byId, nothing } from '@turnpike/core/inputs/primitives'
import { procedure, router } from '../../trpc.ts'

// The whole log is read.
const VERIFY_DEADLINE_MS = 60_000

export const auditRouter = router({
  list: procedure('audit:read')
    .input(auditList)
    .query(({ ctx, input }) => ctx.services.audit.list(input)),
  get: procedure('audit:read')
    .input(byId)
    .query(({ ctx, input }) => ctx.services.audit.get(input.id)),
  verify: procedure('audit:read', { deadlineMs: VERIFY_DEADLINE_MS })
    .input(nothing)
    .query(({ ctx }) => ctx.services.audit.verify()),
})
