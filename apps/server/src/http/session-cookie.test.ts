import { expect, test } from 'vitest'
import { readSessionCookie, writeSessionCookie } from './session-cookie.ts'

const session = { token: 'T0ken', expiresAt: new Date(3_600_000) }

test('the cookie is HttpOnly and SameSite=Strict, and over https Secure and bound to the host', () => {
  expect(writeSessionCookie(session, { isSecure: false, nowMs: 0 })).toBe(
    'turnpike_session=T0ken; Path=/; HttpOnly; SameSite=Strict; Max-Age=3600',
  )
  expect(writeSessionCookie(session, { isSecure: true, nowMs: 0 })).toBe(
    '__Host-turnpike_session=T0ken; Path=/; HttpOnly; SameSite=Strict; Secure; Max-Age=3600',
  )
  expect(writeSessionCookie(null, { isSecure: true, nowMs: 0 })).toContain('__Host-turnpike_session=; ')
  expect(writeSessionCookie(null, { isSecure: true, nowMs: 0 })).toContain('Max-Age=0')
})

test.each([
  ['turnpike_session=a', false, 'a'],
  ['x=1; turnpike_session=a; y=2', false, 'a'],
  ['__Host-turnpike_session=a', true, 'a'],
  ['turnpike_session=planted; __Host-turnpike_session=real', true, 'real'],
  ['turnpike_session=planted', true, null],
  ['__Host-turnpike_session=a', false, null],
  ['xturnpike_session=a', false, null],
  ['', false, null],
])('of %j over https (%j) the session is %j', (cookie, isSecure, token) => {
  expect(readSessionCookie({ cookie }, isSecure)).toBe(token)
})
