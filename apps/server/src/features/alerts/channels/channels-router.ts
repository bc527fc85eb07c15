import { channelCreate, channelList, channelUpdate } from '@turnpike/core/inputs/alert-channels'
import { byId } from '@turnpike/core/inputs/primitives'
import { type Identity, isAllowed } from '../../../shared/identity.ts'
import { procedure, router } from '../../../trpc.ts'

/** A test may take as long as a message. */
const TEST_MS = 25_000

export const channelsRouter = router({
  list: procedure('alerts:read')
    .input(channelList)
    .query(({ ctx, input }) => ctx.services.alertChannels.list(input, mayWrite(ctx.identity))),
  get: procedure('alerts:read')
    .input(byId)
    .query(({ ctx, input }) => ctx.services.alertChannels.get(input.id, mayWrite(ctx.identity))),
  create: procedure('alerts:write')
    .input(channelCreate)
    .mutation(({ ctx, input }) => ctx.services.alertChannels.create(input, ctx.actor)),
  update: procedure('alerts:write')
    .input(channelUpdate)
    .mutation(({ ctx, input }) => ctx.services.alertChannels.update(input, ctx.actor)),
  rotateSecret: procedure('alerts:write')
    .input(byId)
    .mutation(({ ctx, input }) => ctx.services.alertChannels.rotateSecret(input.id, ctx.actor)),
  remove: procedure('alerts:write')
    .input(byId)
    .mutation(({ ctx, input }) => ctx.services.alertChannels.remove(input.id, ctx.actor)),
  test: procedure('alerts:write', { deadlineMs: TEST_MS })
    .input(byId)
    .mutation(({ ctx, input }) => ctx.services.alertChannels.test(input.id, ctx.actor)),
})

function mayWrite(identity: Identity): boolean {
  return isAllowed(identity, 'alerts:write')
}
