import { afterEach, expect, test, vi } from 'vitest'
import { appRouter } from './router.ts'
import type { Services } from './services.ts'
import { AppError } from './shared/app-error.ts'
import { asAppError } from './shared/as-app-error.ts'
import { type Context, createCaller, procedure, router } from './trpc.ts'

afterEach(() => {
  vi.useRealTimers()
})

test('a procedure without a permission does not compile, and would let nobody in', async () => {
  const undeclared = router({
    // @ts-expect-error nothing is demanded
    nothing: procedure().query(() => 'in'),
    // @ts-expect-error no such permission
    invented: procedure('everything').query(() => 'in'),
  })
  const caller = createCaller(undeclared)(contextWith({}, () => () => {}))
  await expect(caller.nothing()).rejects.toThrow('Your role does not allow this')
  await expect(caller.invented()).rejects.toThrow('Your role does not allow this')
})

test('who waits longer than five seconds gets "timeout", and his place is free again', async () => {
  vi.useFakeTimers()
  let taken = 0
  const groups = { list: () => new Promise<never>(() => {}) }
  const caller = createCaller(appRouter)(
    contextWith({ groups }, () => {
      taken += 1
      return () => {
        taken -= 1
      }
    }),
  )
  const answer = caller.groups.list().catch((error: unknown) => asAppError(error).reason)
  await vi.advanceTimersByTimeAsync(4_999)
  expect(taken).toBe(1)
  await vi.advanceTimersByTimeAsync(2)
  expect([await answer, taken, vi.getTimerCount()]).toEqual(['timeout', 0, 0])
})

test.each([
  ['23505', 'conflict'],
  ['40P01', 'conflict'],
  ['22003', 'invalid_input'],
  ['23503', 'invalid_input'],
  ['57014', 'timeout'],
  ['42601', 'internal'],
  ['08006', 'internal'],
])('a database error %s that nobody foresaw is "%s", under the fixed text', (code, reason) => {
  const cause = Object.assign(new Error('Key (email)=(planted)'), { name: 'PostgresError', code })
  const error = asAppError(new Error('Failed query: planted', { cause }))
  expect([error.reason, error.message]).toEqual([reason, new AppError(error.reason).message])
})

function contextWith(services: object, occupy: Context['occupy']): Context {
  return {
    requestId: 'r',
    transport: 'http',
    clientIp: '192.0.2.1',
    userAgent: null,
    authenticate: async () => ({
      kind: 'session',
      sessionId: 1,
      userId: 1,
      email: 'owner@turnpike.test',
      role: 'owner',
      expiresAt: new Date(),
    }),
    setSessionCookie() {},
    isSlow: () => false,
    occupy,
    services: services as Services,
  }
}
