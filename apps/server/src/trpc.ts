import { initTRPC } from '@trpc/server'
import { getStatusCodeFromKey, TRPC_ERROR_CODES_BY_KEY } from '@trpc/server/unstable-core-do-not-import'
import type { Services } from './services.ts'
import { AppError } from './shared/app-error.ts'
import { asAppError } from './shared/as-app-error.ts'
import type { Actor } from './shared/audit.ts'
import { within } from './shared/deadline.ts'
import { type Identity, isAllowed, type SessionIdentity } from './shared/identity.ts'
import type { Permission } from './shared/permissions.ts'

const DEADLINE_MS = 5_000

/** Everything a procedure knows of the call it serves. */
export interface Context {
  requestId: string
  transport: 'http' | 'ws'
  clientIp: string
  userAgent: string | null
  /** Who calls: read once for each HTTP request, and afresh for each operation on a socket. */
  authenticate(): Promise<Identity | null>
  /** Sets or (null) clears the session cookie; only an HTTP answer can carry one. */
  setSessionCookie(cookie: { token: string; expiresAt: Date } | null): void
  /** True while the peer reads more slowly than we write. */
  isSlow(): boolean
  /** Takes one of the connection's places for calls or subscriptions; returns how to give it back. */
  occupy(place: 'call' | 'subscription'): () => void
  services: Services
}

export interface Meta {
  permission: Permission | 'public'
  deadlineMs: number
}

const t = initTRPC
  .context<Context>()
  .meta<Meta>()
  .create({
    isDev: false,
    sse: { enabled: false },
    errorFormatter({ error, ctx }) {
      const { reason, code, field, message } = asAppError(error)
      const httpStatus = getStatusCodeFromKey(code)
      const requestId = ctx?.requestId ?? null
      return { message, code: TRPC_ERROR_CODES_BY_KEY[code], data: { code, httpStatus, reason, field, requestId } }
    },
  })

// A subscription takes its place when it begins to yield, and gives it back when it ends.
const endsInTime = t.middleware(async ({ ctx, next, type, meta }) => {
  if (type === 'subscription') return next()
  const leave = ctx.occupy('call')
  try {
    return await within(meta?.deadlineMs ?? DEADLINE_MS, next())
  } finally {
    leave()
  }
})

export const router = t.router

/** For tests: calls procedures without a wire. */
export const createCaller = t.createCallerFactory

/** Begins a procedure for callers who may do `permission`; there is no beginning without one. */
export function procedure(permission: Permission, { deadlineMs = DEADLINE_MS }: { deadlineMs?: number } = {}) {
  return t.procedure
    .meta({ permission, deadlineMs })
    .use(endsInTime)
    .use(async ({ ctx, next }) => {
      const identity = await ctx.authenticate()
      if (!identity) throw new AppError('unauthenticated')
      if (!isAllowed(identity, permission)) throw new AppError('forbidden')
      return next({ ctx: { identity, actor: actorOf(identity, ctx) } })
    })
}

/** Begins a procedure about the caller's own sign-in: only somebody who has signed in can call it, no program. */
export function ownProcedure() {
  return procedure('self').use(({ ctx, next }) => next({ ctx: { identity: signedIn(ctx.identity) } }))
}

function signedIn(identity: Identity): SessionIdentity {
  if (identity.kind !== 'session') throw new AppError('forbidden')
  return identity
}

/** The caller as the audit log names him. */
export function actorOf(
  identity: Identity,
  { clientIp: ip, requestId }: Pick<Context, 'clientIp' | 'requestId'>,
): Actor {
  if (identity.kind === 'token') return { kind: 'token', id: identity.tokenId, name: identity.name, ip, requestId }
  return { kind: 'user', id: identity.userId, name: identity.email, ip, requestId }
}

/** Begins a procedure for callers who have not signed in. */
export function publicProcedure() {
  return t.procedure.meta({ permission: 'public', deadlineMs: DEADLINE_MS }).use(endsInTime)
}
