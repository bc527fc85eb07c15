import { expect, test } from 'vitest'
import { redactExcerpt } from './redact.ts'

const SECRET = 'S3CRETVALUE'

test.each([
  `{"api_key":"${SECRET}"}`,
  `{"api_key":["${SECRET}","${SECRET}"]}`,
  `{"password":"two ${SECRET} words"}`,
  `{"password":"a\\"${SECRET}"}`,
  `{"client_secret": "${SECRET}", "code": "x"}`,
  `Authorization: Bearer ${SECRET}`,
  `authorization: Custom one ${SECRET}`,
  `Cookie: a=1; session=${SECRET}; b=2`,
  `{"cookie":"a=1; b=${SECRET}"}`,
  `set-cookie: x=${SECRET}; HttpOnly`,
  `https://user:${SECRET}@host/path`,
  `https://host/path?token=${SECRET}`,
  `password: two ${SECRET}`,
  `api-key=${SECRET}`,
  `Incorrect API key provided: ${SECRET}. You can find yours …`,
  `sk-proj-${SECRET}`,
  `tps_${SECRET}`,
  `eyJhbGciOiJI.${SECRET}.x`,
  `AIzaSy${SECRET}`,
])('nothing that looks like a credential is left of %s', (text) => {
  expect(redactExcerpt(text)).not.toContain(SECRET)
})

test.each([
  '{"error":{"message":"The model is overloaded","type":"server_error","code":"overloaded"}}',
  '{"usage":{"total_tokens":1234,"max_tokens":5}}',
  'Rate limit reached for gpt-4o: Limit 30000, Requested 40000',
  '0190b6a0-0000-7000-8000-000000000001',
])('what is none stays: %s', (text) => {
  expect(redactExcerpt(text)).toBe(text)
})
