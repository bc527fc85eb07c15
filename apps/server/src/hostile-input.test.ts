import { expect, test } from 'vitest'
import { appRouter } from './router.ts'
import { asAppError } from './shared/as-app-error.ts'
import { type TrpcWorld, trpcWorld } from './testing/trpc-world.ts'
import { type Context, createCaller } from './trpc.ts'

const REQUEST_ID = '01980000-0000-7000-8000-000000000000'

/** An acceptable input of every procedure that takes text; each text in it is replaced by each hostile one. */
const INPUTS: Record<string, object> = {
  'auth.login': { email: 'a@turnpike.test', password: 'p', totp: '1' },
  'auth.changePassword': { currentPassword: 'p', newPassword: 'long enough' },
  'auth.sessions.list': { cursor: '1' },
  'users.list': { query: 'q', role: 'user', status: 'active', cursor: '1' },
  'users.create': { email: 'b@turnpike.test', name: 'n', notes: 'n', role: 'user', password: 'long enough' },
  'users.update': { id: 1, email: 'c@turnpike.test', name: 'n', notes: 'n', status: 'active' },
  'groups.list': { query: 'q', status: 'active', cursor: '1' },
  'groups.create': {
    name: 'n',
    models: ['m'],
    rateMultiplier: '1',
    limits: { day: '1' },
    instructions: { mode: 'fill', text: 't' },
  },
  'groups.update': { id: 1, name: 'n', models: ['m'], limits: { week: '1' }, instructions: { text: 't' } },
  'keys.list': { query: 'q', status: 'active', cursor: '1' },
  'keys.create': {
    userId: 1,
    groupId: 1,
    name: 'n',
    expiresAt: '2030-01-01T00:00:00Z',
    models: ['m'],
    cidrs: ['10.0.0.1'],
    spendingLimits: { day: '1' },
  },
  'keys.update': { id: 1, name: 'n', expiresAt: '2030-01-01T00:00:00Z', models: ['m'], cidrs: ['10.0.0.1'] },
  'accounts.list': { query: 'q', provider: 'openai', status: 'active', cursor: '1' },
  'accounts.create': {
    name: 'n',
    provider: 'openai-compatible',
    baseUrl: 'http://127.0.0.1:9',
    secret: 'sk-1',
    models: ['m'],
    modelMapping: { a: 'b' },
    extraHeaders: { x: 'y' },
    affinityDomain: 'd',
    expiresAt: '2030-01-01T00:00:00Z',
  },
  'accounts.update': {
    id: 1,
    name: 'n',
    baseUrl: 'http://127.0.0.1:9',
    secret: 'sk-1',
    models: ['m'],
    affinityDomain: 'd',
  },
  'accounts.test': { id: 1, model: 'm' },
  'sandbox.setFault': { kind: 'cut', how: 'rst', model: 'm', key: 'k' },
  'alerts.rules.list': { query: 'q', severity: 'info', metric: 'sla', cursor: '1' },
  'alerts.rules.create': {
    name: 'n',
    description: 'd',
    metric: 'request_count',
    operator: '>',
    threshold: 5,
    dimensionFilters: [{ dimension: 'model', op: 'eq', values: ['m'] }],
    groupBy: ['group'],
    labels: { team: 't' },
    runbookUrl: 'https://wiki.example.com',
  },
  'alerts.rules.update': { id: 1, version: 1, name: 'n', labels: { team: 't' } },
  'alerts.rules.preview': {
    rule: {
      name: 'n',
      metric: 'request_count',
      operator: '>',
      threshold: 5,
      dimensionFilters: [{ dimension: 'model', op: 'eq', values: ['m'] }],
    },
    range: '24h',
  },
  'alerts.events.list': { status: 'firing', severity: 'info', from: '2026-01-01T00:00:00Z', cursor: '1' },
  'alerts.events.resolve': { id: 1, note: 'n' },
  'alerts.channels.list': { type: 'email', cursor: '1' },
  'alerts.channels.create': { name: 'n', type: 'webhook', config: { url: 'https://a.test/', template: 'generic' } },
  'alerts.channels.update': {
    id: 1,
    version: 1,
    name: 'n',
    config: { recipients: ['a@ops.test'] },
    minSeverity: 'info',
    secret: 'long enough',
  },
  'alerts.silences.list': { status: 'active', cursor: '1' },
  'alerts.silences.create': {
    kind: 'silence',
    severities: ['info'],
    labels: { model: 'm' },
    startsAt: '2090-01-01T00:00:00Z',
    endsAt: '2090-01-02T00:00:00Z',
    reason: 'r',
  },
  'alerts.deliveries.list': { status: 'dead', kind: 'firing', from: '2026-01-01T00:00:00Z', cursor: '1' },
  'settings.set': {
    timeZone: 'UTC',
    'smtp.host': 'mail.provider.com',
    'smtp.user': 'u',
    'smtp.from': 'a@ops.test',
    'smtp.password': 'p',
  },
  'settings.smtpTest': { to: 'a@ops.test' },
  'usage.list': {
    from: '2026-01-01T00:00:00Z',
    to: '2026-01-02T00:00:00Z',
    model: 'm',
    outcome: 'completed',
    requestId: REQUEST_ID,
    cursor: REQUEST_ID,
  },
  'usage.get': { requestId: REQUEST_ID },
  'usage.summary': { from: '2026-01-01T00:00:00Z', model: 'm', groupBy: 'model', requestId: REQUEST_ID },
}

const HOSTILE = [
  '',
  "' OR 1=1 --",
  "'; DROP TABLE users; --",
  '$1',
  '%_\\',
  '\u0000',
  'a\u0000b',
  '\ud800',
  '\u202e\ufeff',
  '{"a":1}',
  '{,}',
  '../../etc/passwd',
  '<script>alert(1)</script>',
  '-1',
  '1e309',
  'NaN',
  '__proto__',
  '2026-13-45T99:99:99Z',
  '+275760-09-13T00:00:00.001Z',
  '0001-01-01T00:00:00Z',
  '00000000-0000-7000-8000-000000000000',
  'ffffffff-ffff-7fff-bfff-ffffffffffff',
  'http://[::1',
  'x'.repeat(300),
  'x'.repeat(200_000),
]

const callerOf = createCaller(appRouter)

test.each(Object.entries(INPUTS))(
  '%s answers every hostile text with a refusal or a result, never a fault',
  { timeout: 180_000 },
  async (path, input) => {
    await using world = await trpcWorld()
    const user = await world.addUser('owner')
    const group = await world.services.groups.create({ name: 'g' })
    await world.services.keys.create({ userId: user.id, groupId: group.id, name: 'k' })
    const faults: string[] = []
    for (const hostile of HOSTILE) {
      for (const variant of variantsOf(input, hostile)) {
        const reason = await reasonOf(world, user.id, path, variant)
        if (reason === 'internal' || reason === 'timeout')
          faults.push(`${reason}: ${JSON.stringify(variant).slice(0, 200)}`)
      }
    }
    expect(faults).toEqual([])
  },
)

/** The input with one text replaced, for each text in it; names in records too. */
function variantsOf(value: unknown, hostile: string): unknown[] {
  if (typeof value === 'string') return [hostile]
  if (Array.isArray(value)) return variantsOf(value[0], hostile).map((item) => [item])
  if (typeof value !== 'object' || value === null) return []
  const members = Object.entries(value)
  return [
    ...members.flatMap(([name, member]) =>
      variantsOf(member, hostile).map((variant) => ({ ...value, [name]: variant })),
    ),
    Object.fromEntries([...members, [hostile, 'x']]),
  ]
}

async function reasonOf(world: TrpcWorld, userId: number, path: string, input: unknown): Promise<string> {
  const context: Context = {
    requestId: 'r',
    transport: 'http',
    clientIp: '192.0.2.1',
    userAgent: null,
    authenticate: async () => ({
      kind: 'session',
      sessionId: 1,
      userId,
      email: 'owner@turnpike.test',
      role: 'owner',
      expiresAt: new Date(),
    }),
    setSessionCookie() {},
    isSlow: () => false,
    occupy: () => () => {},
    services: world.services,
  }
  let target: unknown = callerOf(context)
  for (const name of path.split('.')) target = Reflect.get(Object(target), name)
  if (typeof target !== 'function') throw new TypeError(`${path} is no procedure`)
  try {
    await target(input)
    return 'none'
  } catch (error) {
    return asAppError(error).reason
  }
}
