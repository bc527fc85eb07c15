import type { inferRouterInputs, inferRouterOutputs } from '@trpc/server'
import type { AppRouter } from '@turnpike/server/router'

export type { AppRouter }

/** What each procedure takes, as `RouterInputs['keys']['create']`. */
export type RouterInputs = inferRouterInputs<AppRouter>

/** What each procedure answers, as `RouterOutputs['keys']['list']`. */
export type RouterOutputs = inferRouterOutputs<AppRouter>
