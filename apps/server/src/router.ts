import { accountsRouter } from './features/accounts/router.ts'
import { alertsRouter } from './features/alerts/router.ts'
import { auditRouter } from './features/audit/router.ts'
import { authRouter } from './features/auth/router.ts'
import { groupsRouter } from './features/groups/router.ts'
import { keysRouter } from './features/keys/router.ts'
import { myRouter } from './features/my/router.ts'
import { opsRouter } from './features/ops/router.ts'
import { pricesRouter } from './features/prices/router.ts'
import { redeemRouter } from './features/redeem/router.ts'
import { sandboxRouter } from './features/sandbox/router.ts'
import { settingsRouter } from './features/settings/router.ts'
import { subscriptionsRouter } from './features/subscriptions/router.ts'
import { tokensRouter } from './features/tokens/router.ts'
import { usageRouter } from './features/usage/router.ts'
import { usersRouter } from './features/users/router.ts'
import { router } from './trpc.ts'

/** The whole tRPC API. */
export const appRouter = router({
  auth: authRouter,
  audit: auditRouter,
  users: usersRouter,
  groups: groupsRouter,
  keys: keysRouter,
  accounts: accountsRouter,
  subscriptions: subscriptionsRouter,
  prices: pricesRouter,
  redeem: redeemRouter,
  settings: settingsRouter,
  tokens: tokensRouter,
  usage: usageRouter,
  ops: opsRouter,
  alerts: alertsRouter,
  sandbox: sandboxRouter,
  my: myRouter,
})

export type AppRouter = typeof appRouter
