import { expect, test } from 'vitest'
import { parseSmtpUrl } from './smtp-config.ts'

test.each([
  [
    'smtps://alerts%40example.com:p%3Aw@mail.example.com',
    { host: 'mail.example.com', port: 465, security: 'tls', user: 'alerts@example.com', password: 'p:w' },
  ],
  [
    'smtp://u:p@mail.example.com:2525?from=a@example.com',
    { host: 'mail.example.com', port: 2525, security: 'starttls', user: 'u', password: 'p', from: 'a@example.com' },
  ],
  [
    'smtp+plain://mail.example.com?from=a@example.com',
    { host: 'mail.example.com', port: 25, security: 'none', user: null, password: null, from: 'a@example.com' },
  ],
])('%s is a way for mail', (text, expected) => {
  expect(parseSmtpUrl(text)).toMatchObject(expected)
})

test.each([
  ['no URL', 'mail.example.com'],
  ['another scheme', 'http://mail.example.com?from=a@example.com'],
  ['no sender', 'smtp://user:p@mail.example.com'],
  ['a sender that is no address', 'smtp://mail.example.com?from=nobody'],
  ['a path', 'smtp://mail.example.com/inbox?from=a@example.com'],
  ['a password in the clear', 'smtp+plain://u:p@mail.example.com?from=a@example.com'],
  ['a stray escape', 'smtp://%zz:p@mail.example.com?from=a@example.com'],
])('%s is none: %s', (_why, text) => {
  expect(parseSmtpUrl(text)).toBeNull()
})
