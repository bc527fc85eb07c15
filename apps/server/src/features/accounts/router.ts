import {
  accountCreate,
  accountEvents,
  accountList,
  accountSetSchedulable,
  accountTest,
  accountUpdate,
} from '@turnpike/core/inputs/accounts'
import { byId } from '@turnpike/core/inputs/primitives'
import type { Actor } from '../../shared/audit.ts'
import type { Identity } from '../../shared/identity.ts'
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
    .mutation(({ ctx, input }) => ctx.services.accounts.create(input, actorOf(ctx))),
  update: procedure('accounts:write')
    .input(accountUpdate)
    .mutation(({ ctx, input }) => ctx.services.accounts.update(input, actorOf(ctx))),
  archive: procedure('accounts:write')
    .input(byId)
    .mutation(({ ctx, input }) => ctx.services.accounts.archive(input.id, actorOf(ctx))),
  setSchedulable: procedure('accounts:operate')
    .input(accountSetSchedulable)
    .mutation(({ ctx, input }) => ctx.services.accounts.setSchedulable(input.id, input.schedulable, actorOf(ctx))),
  clearState: procedure('accounts:write')
    .input(byId)
    .mutation(({ ctx, input }) => ctx.services.accounts.clearState(input.id, actorOf(ctx))),
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

function actorOf({
  identity,
  clientIp,
  requestId,
}: {
  identity: Identity
  clientIp: string
  requestId: string
}): Actor {
  return { kind: 'user', id: identity.userId, name: `user ${identity.userId}`, ip: clientIp, requestId }
}
