import type { Role } from '@turnpike/core/words'
import { insertOutcomes } from '@turnpike/db'
import { makeOutcome } from '@turnpike/db/testing/outcome'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { z } from 'zod'
import { appRouter } from './router.ts'
import { asAppError } from './shared/as-app-error.ts'
import type { Permission } from './shared/permissions.ts'
import { ROLE_PERMISSIONS } from './shared/permissions.ts'
import { trpcWorld } from './testing/trpc-world.ts'
import { type Context, createCaller, type Meta } from './trpc.ts'

const ABSENT = 9_999_999
const ABSENT_REQUEST = '01900000-0000-7000-8000-000000000000'
const ID_MEMBERS = ['id', 'ids', 'requestId']

interface Procedure {
  _def: { type: string; meta: Meta; inputs: z.ZodType[] }
}

// tRPC types the record as nested routers; at run time it is flat, by whole path.
const PROCEDURES = Object.entries(appRouter._def.procedures as object as Record<string, Procedure>)

/** Ids of one user and what is his, or of things that belong to nobody. */
interface Ids {
  user: number
  key: number
  group: number
  account: number
  subscription: number
  price: number
  code: number
  token: number
  session: number
  request: string
  error: number
  rule: number
  event: number
  channel: number
  silence: number
  delivery: number
  audit: number
}

/** What each procedure that names something by its id is asked; those that name an owner's things come in both kinds. */
const ASKED: Record<string, { of: 'everybody' | 'owner'; input(ids: Ids): object }> = {
  'users.get': { of: 'everybody', input: ({ user: id }) => ({ id }) },
  'users.update': { of: 'everybody', input: ({ user: id }) => ({ id, notes: 'x' }) },
  'users.archive': { of: 'everybody', input: ({ user: id }) => ({ id }) },
  'users.resetPassword': { of: 'everybody', input: ({ user: id }) => ({ id }) },
  'users.resetTotp': { of: 'everybody', input: ({ user: id }) => ({ id }) },
  'users.adjustBalance': { of: 'everybody', input: ({ user: id }) => ({ id, amount: '1', reason: 'x' }) },
  'groups.get': { of: 'everybody', input: ({ group: id }) => ({ id }) },
  'groups.update': { of: 'everybody', input: ({ group: id }) => ({ id, name: 'x' }) },
  'groups.archive': { of: 'everybody', input: ({ group: id }) => ({ id }) },
  'keys.get': { of: 'everybody', input: ({ key: id }) => ({ id }) },
  'keys.update': { of: 'everybody', input: ({ key: id }) => ({ id, name: 'x' }) },
  'keys.rotate': { of: 'everybody', input: ({ key: id }) => ({ id }) },
  'keys.revoke': { of: 'everybody', input: ({ key: id }) => ({ id }) },
  'accounts.get': { of: 'everybody', input: ({ account: id }) => ({ id }) },
  'accounts.update': { of: 'everybody', input: ({ account: id }) => ({ id, name: 'x' }) },
  'accounts.setSchedulable': { of: 'everybody', input: ({ account: id }) => ({ id, schedulable: true }) },
  'accounts.clearState': { of: 'everybody', input: ({ account: id }) => ({ id }) },
  'accounts.events': { of: 'everybody', input: ({ account: id }) => ({ id }) },
  'accounts.models': { of: 'everybody', input: ({ account: id }) => ({ id }) },
  'accounts.test': { of: 'everybody', input: ({ account: id }) => ({ id }) },
  'accounts.archive': { of: 'everybody', input: ({ account: id }) => ({ id }) },
  'subscriptions.progress': { of: 'everybody', input: ({ subscription: id }) => ({ id }) },
  'subscriptions.extend': { of: 'everybody', input: ({ subscription: id }) => ({ id, days: 1 }) },
  'subscriptions.revoke': { of: 'everybody', input: ({ subscription: id }) => ({ id }) },
  'prices.remove': { of: 'everybody', input: ({ price: id }) => ({ id }) },
  'redeem.expire': { of: 'everybody', input: ({ code }) => ({ ids: [code] }) },
  'tokens.revoke': { of: 'everybody', input: ({ token: id }) => ({ id }) },
  'usage.get': { of: 'everybody', input: ({ request: requestId }) => ({ requestId }) },
  'ops.requests.get': { of: 'everybody', input: ({ request: requestId }) => ({ requestId }) },
  'ops.errors.get': { of: 'everybody', input: ({ error: id }) => ({ id }) },
  'ops.errors.resolve': { of: 'everybody', input: ({ error }) => ({ ids: [error] }) },
  'ops.leases.release': { of: 'everybody', input: ({ request: requestId }) => ({ requestId }) },
  'alerts.rules.get': { of: 'everybody', input: ({ rule: id }) => ({ id }) },
  'alerts.rules.update': { of: 'everybody', input: ({ rule: id }) => ({ id, version: 1, name: 'x' }) },
  'alerts.rules.setEnabled': { of: 'everybody', input: ({ rule: id }) => ({ id, enabled: false }) },
  'alerts.rules.remove': { of: 'everybody', input: ({ rule: id }) => ({ id }) },
  'alerts.events.get': { of: 'everybody', input: ({ event: id }) => ({ id }) },
  'alerts.events.acknowledge': { of: 'everybody', input: ({ event: id }) => ({ id }) },
  'alerts.events.resolve': { of: 'everybody', input: ({ event: id }) => ({ id }) },
  'alerts.channels.get': { of: 'everybody', input: ({ channel: id }) => ({ id }) },
  'alerts.channels.update': { of: 'everybody', input: ({ channel: id }) => ({ id, version: 1, name: 'x' }) },
  'alerts.channels.rotateSecret': { of: 'everybody', input: ({ channel: id }) => ({ id }) },
  'alerts.channels.remove': { of: 'everybody', input: ({ channel: id }) => ({ id }) },
  'alerts.channels.test': { of: 'everybody', input: ({ channel: id }) => ({ id }) },
  'alerts.silences.end': { of: 'everybody', input: ({ silence: id }) => ({ id }) },
  'alerts.deliveries.retry': { of: 'everybody', input: ({ delivery: id }) => ({ id }) },
  'audit.get': { of: 'everybody', input: ({ audit: id }) => ({ id }) },
  'auth.sessions.revoke': { of: 'owner', input: ({ session: id }) => ({ id }) },
  'my.keys.rotate': { of: 'owner', input: ({ key: id }) => ({ id }) },
  'my.keys.revoke': { of: 'owner', input: ({ key: id }) => ({ id }) },
  'my.requests.get': { of: 'owner', input: ({ request: requestId }) => ({ requestId }) },
}

const LISTS = new Set([
  'usage.list',
  'usage.summary',
  'usage.series',
  'usage.export',
  'ops.errors.list',
  'ops.requests.list',
  'my.usage.list',
  'my.usage.summary',
  'my.usage.series',
])

let world: Awaited<ReturnType<typeof trpcWorld>>

beforeAll(async () => {
  world = await trpcWorld({ ownRequests: { release: (requestId) => requestId !== ABSENT_REQUEST } })
})
afterAll(() => world[Symbol.asyncDispose]())

test('every procedure that names something by its id is asked here', () => {
  const naming = PROCEDURES.filter(([path, { _def }]) => !LISTS.has(path) && namesById(_def.inputs)).map(
    ([path]) => path,
  )
  expect(naming.toSorted()).toEqual(Object.keys(ASKED).toSorted())
})

const callers = Object.entries(ASKED).flatMap(([path, asked]) => {
  return (Object.keys(ROLE_PERMISSIONS) as Role[]).map((role) => ({ path, role, ...asked }))
})

test.each(callers)('$path by $role', async ({ path, role, of, input }) => {
  const own = await plant(role)
  const foreign = await plant('user')
  const ask = (ids: Ids) => reasonOf(path, contextFor(own.ids, role), input(ids))
  const absent = await ask(ABSENT_IDS)
  if (!may(role, path)) {
    expect([absent, await ask(foreign.ids), await ask(own.ids)]).toEqual(
      Array(3).fill('forbidden Your role does not allow this'),
    )
    return
  }
  expect(absent).toMatch(/^not_found /)
  if (of === 'owner') expect(await ask(foreign.ids)).toBe(absent)
  else expect(await ask(foreign.ids)).not.toMatch(/^(not_found|forbidden)/)
  expect(await ask(own.ids)).not.toMatch(/^not_found/)
})

function namesById(inputs: z.ZodType[]): boolean {
  const schemas = inputs.map((schema) => z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' }))
  return schemas.some(({ properties = {} }) => ID_MEMBERS.some((name) => name in properties))
}

function may(role: Role, path: string): boolean {
  const permission = Object.fromEntries(PROCEDURES)[path]?._def.meta.permission
  const permissions: readonly Permission[] = ROLE_PERMISSIONS[role]
  return permission !== undefined && permission !== 'public' && permissions.includes(permission)
}

const ABSENT_IDS: Ids = {
  user: ABSENT,
  key: ABSENT,
  group: ABSENT,
  account: ABSENT,
  subscription: ABSENT,
  price: ABSENT,
  code: ABSENT,
  token: ABSENT,
  session: ABSENT,
  request: ABSENT_REQUEST,
  error: ABSENT,
  rule: ABSENT,
  event: ABSENT,
  channel: ABSENT,
  silence: ABSENT,
  delivery: ABSENT,
  audit: ABSENT,
}

let planted = 0

/** A user of the role with one of everything. */
async function plant(role: Role): Promise<{ ids: Ids }> {
  const { sql } = world.database
  const n = ++planted
  const user = await world.addUser(role, `planted${n}@turnpike.test`)
  const group = await world.services.groups.create({ name: `g${n}`, billing: 'subscription', validityDays: 30 })
  const { key } = await world.services.keys.create({ userId: user.id, groupId: group.id, name: 'k' })
  const [account] = await sql<{ id: number }[]>`
    insert into accounts (name, provider, base_url, protocol, secret_sealed, secret_last4)
    values ('a', 'sandbox', 'http://127.0.0.1:9/v1', 'chat', '', 'none') returning id::int as id`
  const secret = world.box.seal('x', { table: 'accounts', column: 'secret_sealed', row: account?.id ?? 0 })
  await sql`update accounts set secret_sealed = ${secret} where id = ${account?.id ?? 0}`
  const [subscription] = await sql<{ id: number }[]>`
    insert into subscriptions (user_id, group_id, starts_at, expires_at)
    values (${user.id}, ${group.id}, now() - interval '1 day', now() + interval '30 days') returning id::int as id`
  const [price] = await sql<{ id: number }[]>`
    insert into prices (model, input_nano, output_nano, valid_from) values (${`m${n}`}, 1, 1, now()) returning id::int as id`
  const [code] = await sql<{ id: number }[]>`
    insert into redeem_codes (code_hash, last4, kind, amount_nano) values (${`h${n}`}, 'last', 'balance', 1)
    returning id::int as id`
  const [token] = await sql<{ id: number }[]>`
    insert into service_tokens (token_hash, last4, name, scopes, created_by_id, expires_at)
    values (${`t${n}`}, 'last', 't', '{}', ${user.id}, now() + interval '1 day') returning id::int as id`
  await world.services.sessions.begin(user.id, { ip: '127.0.0.1', userAgent: null })
  const [session] = await sql<{ id: number }[]>`select id::int as id from sessions where user_id = ${user.id}`
  const outcome = makeOutcome({ userId: user.id, keyId: key.id, groupId: group.id })
  await insertOutcomes(sql, [JSON.stringify(outcome)])
  const [error] = await sql<{ id: number }[]>`
    insert into ops_error_logs (created_at, source, phase, owner, severity, type, code, instance_id, message, retryable)
    values (now(), 'request', 'upstream', 'provider', 'P1', 'upstream_error', 'upstream_failed', 'i', 'm', true)
    returning id::int as id`
  const [rule] = await sql<{ id: number }[]>`
    insert into ops_alert_rules (name, metric_type, aggregation, operator, threshold, recovery_threshold)
    values ('r', 'error_rate', 'ratio', '>', 5, 5) returning id::int as id`
  const [event] = await sql<{ id: number }[]>`
    insert into ops_alert_events (rule_id, rule_name, severity, episode, metric_type, threshold_value, fired_at)
    values (${rule?.id ?? 0}, 'r', 'warning', 1, 'error_rate', 5, now()) returning id::int as id`
  const [channel] = await sql<{ id: number }[]>`
    insert into alert_channels (name, type, config) values ('c', 'email', '{"recipients":["a@ops.test"]}')
    returning id::int as id`
  const [silence] = await sql<{ id: number }[]>`
    insert into alert_silences (starts_at, ends_at, reason) values (now(), now() + interval '1 hour', 'r')
    returning id::int as id`
  const [delivery] = await sql<{ id: number }[]>`
    insert into alert_deliveries (unique_key, channel_id, channel_name, kind, severity, payload)
    values (${`k${n}`}, ${channel?.id ?? 0}, 'c', 'test', 'info', '{}') returning id::int as id`
  // What has been planted so far was written down.
  const [audit] = await sql<{ id: number }[]>`select max(id)::int as id from audit_log`
  const ids: Ids = {
    user: user.id,
    key: key.id,
    group: group.id,
    account: account?.id ?? 0,
    subscription: subscription?.id ?? 0,
    price: price?.id ?? 0,
    code: code?.id ?? 0,
    token: token?.id ?? 0,
    session: session?.id ?? 0,
    request: outcome.requestId,
    error: error?.id ?? 0,
    rule: rule?.id ?? 0,
    event: event?.id ?? 0,
    channel: channel?.id ?? 0,
    silence: silence?.id ?? 0,
    delivery: delivery?.id ?? 0,
    audit: audit?.id ?? 0,
  }
  return { ids }
}

function contextFor(ids: Ids, role: Role): Context {
  return {
    requestId: 'r',
    transport: 'http',
    clientIp: '192.0.2.1',
    userAgent: null,
    authenticate: async () => ({
      kind: 'session',
      sessionId: ids.session,
      userId: ids.user,
      email: 'caller@turnpike.test',
      role,
      expiresAt: new Date(),
    }),
    setSessionCookie() {},
    isSlow: () => false,
    occupy: () => () => {},
    services: world.services,
  }
}

const callerOf = createCaller(appRouter)

/** `reason message` of a refusal, or `done`. */
async function reasonOf(path: string, context: Context, input: object): Promise<string> {
  let procedure: unknown = callerOf(context)
  for (const name of path.split('.')) procedure = Object(procedure)[name]
  try {
    await Object(procedure).call(null, input).valueOf()
    return 'done'
  } catch (error) {
    const { reason, message } = asAppError(error)
    return `${reason} ${message}`
  }
}
