import { nothing } from '@turnpike/core/inputs/primitives'
import { settingsSet, smtpTest } from '@turnpike/core/inputs/settings'
import { procedure, router } from '../../trpc.ts'

/** A test may take as long as a mail. */
const TEST_MS = 25_000

export const settingsRouter = router({
  get: procedure('settings:read')
    .input(nothing)
    .query(({ ctx }) => ctx.services.settings.show()),
  set: procedure('settings:write')
    .input(settingsSet)
    .mutation(({ ctx, input }) => ctx.services.settings.set(input, ctx.actor)),
  smtpTest: procedure('settings:write', { deadlineMs: TEST_MS })
    .input(smtpTest)
    .mutation(({ ctx, input }) => ctx.services.testSmtp(input.to ?? ctx.identity.email)),
})
