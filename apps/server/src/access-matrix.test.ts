import type { AnyProcedure } from '@trpc/server'
import { ROLES, type Role } from '@turnpike/core/words'
import { expect, test } from 'vitest'
import { appRouter } from './router.ts'
import { hasPermission, type Permission, ROLE_PERMISSIONS } from './shared/permissions.ts'
import { trpcWorld } from './testing/trpc-world.ts'
import { type Context, createCaller, type Meta } from './trpc.ts'

const PROCEDURES = Object.entries(flatProcedures()).map(([path, { _def }]) => {
  return { path, permission: (_def.meta as Meta | undefined)?.permission }
})

/** Who may do what, by name: a change here is a change of the contract. */
const LEAST_ROLE: Record<string, Role | 'anybody'> = {
  'auth.login': 'anybody',
  'auth.acceptInvite': 'anybody',
  'auth.firstRun': 'anybody',
  'auth.setup': 'anybody',
  'auth.logout': 'user',
  'auth.me': 'user',
  'auth.changePassword': 'user',
  'auth.wsTicket': 'user',
  'auth.totp.enable': 'user',
  'auth.totp.confirm': 'user',
  'auth.totp.disable': 'user',
  'auth.sessions.list': 'user',
  'auth.sessions.revoke': 'user',
  'users.list': 'viewer',
  'users.get': 'viewer',
  'users.create': 'admin',
  'users.update': 'admin',
  'users.archive': 'admin',
  'users.resetPassword': 'admin',
  'users.resetTotp': 'owner',
  'users.adjustBalance': 'admin',
  'groups.list': 'viewer',
  'groups.get': 'viewer',
  'groups.create': 'admin',
  'groups.update': 'admin',
  'groups.archive': 'admin',
  'keys.list': 'viewer',
  'keys.get': 'viewer',
  'keys.create': 'admin',
  'keys.update': 'admin',
  'keys.revoke': 'admin',
  'keys.rotate': 'admin',
  'subscriptions.list': 'viewer',
  'subscriptions.assign': 'admin',
  'subscriptions.extend': 'admin',
  'subscriptions.revoke': 'admin',
  'subscriptions.progress': 'viewer',
  'prices.list': 'viewer',
  'prices.set': 'admin',
  'prices.remove': 'admin',
  'prices.quote': 'viewer',
  'prices.preview': 'viewer',
  'redeem.list': 'viewer',
  'redeem.generate': 'admin',
  'redeem.expire': 'admin',
  'settings.get': 'viewer',
  'settings.set': 'admin',
  'settings.smtpTest': 'admin',
  'alerts.channels.list': 'viewer',
  'alerts.channels.get': 'viewer',
  'alerts.channels.create': 'admin',
  'alerts.channels.update': 'admin',
  'alerts.channels.rotateSecret': 'admin',
  'alerts.channels.remove': 'admin',
  'alerts.channels.test': 'admin',
  'alerts.silences.list': 'viewer',
  'alerts.silences.create': 'operator',
  'alerts.silences.end': 'operator',
  'alerts.deliveries.list': 'viewer',
  'alerts.deliveries.retry': 'operator',
  'tokens.list': 'admin',
  'tokens.create': 'admin',
  'tokens.revoke': 'admin',
  'audit.list': 'admin',
  'audit.get': 'admin',
  'audit.verify': 'admin',
  'accounts.list': 'viewer',
  'accounts.get': 'viewer',
  'accounts.create': 'admin',
  'accounts.events': 'viewer',
  'accounts.models': 'admin',
  'accounts.update': 'admin',
  'accounts.archive': 'admin',
  'accounts.setSchedulable': 'operator',
  'accounts.clearState': 'admin',
  'accounts.test': 'admin',
  'usage.list': 'viewer',
  'usage.get': 'viewer',
  'usage.summary': 'viewer',
  'usage.series': 'viewer',
  'usage.export': 'viewer',
  'alerts.rules.list': 'viewer',
  'alerts.rules.get': 'viewer',
  'alerts.rules.create': 'admin',
  'alerts.rules.update': 'admin',
  'alerts.rules.setEnabled': 'admin',
  'alerts.rules.remove': 'admin',
  'alerts.rules.preview': 'viewer',
  'alerts.events.list': 'viewer',
  'alerts.events.get': 'viewer',
  'alerts.events.acknowledge': 'operator',
  'alerts.events.resolve': 'operator',
  'alerts.live': 'viewer',
  'ops.overview': 'viewer',
  'ops.metricsHistory': 'viewer',
  'ops.throughput': 'viewer',
  'ops.errorTrend': 'viewer',
  'ops.latencyHistogram': 'viewer',
  'ops.errorDistribution': 'viewer',
  'ops.dimensionStats': 'viewer',
  'ops.providers': 'viewer',
  'ops.accounts': 'viewer',
  'ops.jobs': 'viewer',
  'ops.storage': 'viewer',
  'ops.retention.get': 'viewer',
  'ops.retention.set': 'admin',
  'ops.concurrency': 'viewer',
  'ops.leases.list': 'viewer',
  'ops.leases.release': 'operator',
  'ops.requests.list': 'viewer',
  'ops.requests.get': 'viewer',
  'ops.explainRoute': 'viewer',
  'ops.export': 'viewer',
  'ops.errors.list': 'viewer',
  'ops.errors.get': 'viewer',
  'ops.errors.resolve': 'operator',
  'ops.errorsLive': 'viewer',
  'ops.live': 'viewer',
  'sandbox.status': 'viewer',
  'sandbox.setFault': 'operator',
  'sandbox.clear': 'operator',
  'my.profile': 'user',
  'my.limits': 'user',
  'my.groups': 'user',
  'my.keys.list': 'user',
  'my.keys.create': 'user',
  'my.keys.revoke': 'user',
  'my.keys.rotate': 'user',
  'my.playgroundKey': 'user',
  'my.usage.list': 'user',
  'my.usage.summary': 'user',
  'my.usage.series': 'user',
  'my.errors.list': 'user',
  'my.requests.get': 'user',
  'my.redeem': 'user',
}

const callerOf = createCaller(appRouter)

test('every procedure is in the matrix, and declares what it demands', () => {
  expect(PROCEDURES.map(({ path }) => path).sort()).toEqual(Object.keys(LEAST_ROLE).sort())
  for (const { path, permission } of PROCEDURES) expect([path, permission]).not.toContain(undefined)
})

test('each role may do all that a lower one may', () => {
  const ranked = ROLES.map((role) => ROLE_PERMISSIONS[role] as readonly Permission[])
  for (const [at, lower] of ranked.slice(1).entries()) expect(ranked[at]).toEqual(expect.arrayContaining([...lower]))
  expect(ROLE_PERMISSIONS.user).toEqual(['self'])
})

test('every procedure lets in exactly the roles it should: asked with every role, and with nobody', async () => {
  await using world = await trpcWorld()
  const roles = [null, ...ROLES.toReversed()]
  const seen: Record<string, Record<string, boolean>> = {}
  const expected: typeof seen = {}
  for (const { path } of PROCEDURES) {
    const least = LEAST_ROLE[path] ?? 'owner'
    const rank = least === 'anybody' ? 0 : roles.indexOf(least)
    expected[path] = Object.fromEntries(roles.map((role, at) => [String(role), at >= rank]))
    const answers = roles.map(async (role) => [
      String(role),
      isLetIn(await reasonOf(path, contextFor(world.services, role))),
    ])
    seen[path] = Object.fromEntries(await Promise.all(answers))
  }
  expect(seen).toEqual(expected)
})

test('over the wire the same holds, with nothing behind a refusal', async () => {
  await using world = await trpcWorld()
  const { cookie } = await world.signIn('viewer')
  const { cookie: plain } = await world.signIn('user')
  expect(await world.post('groups.create', { cookie, input: { name: 'x' } })).toMatchObject({
    status: 403,
    error: { data: { reason: 'forbidden' } },
  })
  expect(await world.get('groups.list', { cookie: plain })).toMatchObject({ status: 403 })
  expect(await world.get('groups.list')).toMatchObject({ status: 401, error: { data: { reason: 'unauthenticated' } } })
  expect((await world.get('auth.me', { cookie: plain })).data).toMatchObject({ permissions: ['self'] })
})

test('a refused caller does not learn whether his input was right', async () => {
  await using world = await trpcWorld()
  const { cookie } = await world.signIn('viewer')
  expect(await world.post('users.create', { cookie, input: { nonsense: true } })).toMatchObject({ status: 403 })
})

// tRPC types the record as nested routers; at run time it is flat, by whole path.
function flatProcedures(): Record<string, AnyProcedure> {
  return appRouter._def.procedures as object as Record<string, AnyProcedure>
}

function contextFor(services: Context['services'], role: Role | null): Context {
  const identity = role && {
    kind: 'session' as const,
    sessionId: 1,
    userId: 1,
    email: 'one@turnpike.test',
    role,
    expiresAt: new Date(),
  }
  return {
    requestId: 'r',
    transport: 'http',
    clientIp: '192.0.2.1',
    userAgent: null,
    authenticate: async () => identity,
    setSessionCookie() {},
    isSlow: () => false,
    occupy: () => () => {},
    services,
  }
}

// The input is nonsense, so that whoever is let in is stopped right behind the door.
async function reasonOf(path: string, context: Context): Promise<string> {
  let target: unknown = callerOf(context)
  for (const name of path.split('.')) target = Reflect.get(Object(target), name)
  try {
    if (typeof target === 'function') await target({ 'no such field': true })
    return 'none'
  } catch (error) {
    const cause = error instanceof Error ? error.cause : undefined
    return cause instanceof Error && 'reason' in cause ? String(cause.reason) : 'other'
  }
}

function isLetIn(reason: string): boolean {
  return reason !== 'forbidden' && reason !== 'unauthenticated'
}

test.each<[Role, Permission, boolean]>([
  ['operator', 'accounts:operate', true],
  ['operator', 'accounts:write', false],
  ['viewer', 'accounts:operate', false],
  ['admin', 'owners:write', false],
])('%s may %s: %s', (role, permission, may) => {
  expect(hasPermission(role, permission)).toBe(may)
})
