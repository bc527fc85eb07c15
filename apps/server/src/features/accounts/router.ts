import {
  accountCreate,
  accountEvents,
  accountList,
  accountSetSchedulable,
  accountTest,
  accountUpdate,
} from '@turnpike/core/inputs/accounts'
import { byId } from '@turnpike/core/inputs/primitives'
import { procedure, router } from '../../trpc.ts'

// A new account is asked for its models, and a test waits for two answers of its upstream.
const CREATE_DEADLINE_MS = 15_000
const TEST_DEADLINE_MS = 30_000

export const accountsRouter = router({
  list: procedure('accounts:read')
    .input(accountList)
    .query(({ ctx, input }) => ctx.services.accounts.list(input)),
  get: procedure('accounts:read')
    .input(byId)
    .query(({ ctx, input }) => ctx.services.accounts.get(input.id)),
  create: procedure('accounts:write', { deadlineMs: CREATE_DEADLINE_MS })
    .input(accountCreate)
    .mutation(({ ctx, input }) => ctx.services.accounts.create(input, ctx.actor)),
  update: procedure('accounts:write')
    .input(accountUpdate)
    .mutation(({ ctx, input }) => ctx.services.accounts.update(input, ctx.actor)),
  archive: procedure('accounts:write')
    .input(byId)
    .mutation(({ ctx, input }) => ctx.services.accounts.archive(input.id, ctx.actor)),
  setSchedulable: procedure('accounts:operate')
    .input(accountSetSchedulable)
    .mutation(({ ctx, input }) => ctx.services.accounts.setSchedulable(input.id, input.schedulable, ctx.actor)),
  clearState: procedure('accounts:write')
    .input(byId)
    .mutation(({ ctx, input }) => ctx.services.accounts.clearState(input.id, ctx.actor)),
  events: procedure('accounts:read')
    .input(accountEvents)
    .query(({ ctx, input }) => ctx.services.accounts.events(input)),
  models: procedure('accounts:write', { deadlineMs: TEST_DEADLINE_MS })
    .input(byId)
    .query(({ ctx, input }) => ctx.services.accounts.models(input.id)),
  test: procedure('accounts:write', { deadlineMs: TEST_DEADLINE_MS })
    .input(accountTest)
    .mutation(({ ctx, input }) => ctx.services.accounts.test(input.id, input.model)),
})
