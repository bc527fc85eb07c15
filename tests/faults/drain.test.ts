import { setTimeout as sleep } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { makeDataDir } from '../support/data-dir.ts'
import { startTurnpike, type Turnpike } from '../support/start-turnpike.ts'

const STREAMS = 100

function ask({ facts }: Turnpike, content: string): Promise<Response> {
  return fetch(`${facts.gatewayUrl}/chat/completions`, {
    method: 'POST',
    headers: { authorization: `Bearer ${facts.apiKey}` },
    body: JSON.stringify({ model: 'sandbox-small', stream: true, messages: [{ role: 'user', content }] }),
  })
}

test(`${STREAMS} streams run to their end through a TERM, newcomers are told to come back, and it exits 0`, async () => {
  await using dataDir = await makeDataDir()
  const turnpike = await startTurnpike({ dataDir: dataDir.path })
  const opened = await Promise.all(
    Array.from({ length: STREAMS }, () => ask(turnpike, '[[sandbox: events=60 eventMs=100]]')),
  )
  const reading = opened.map((response) => response.text())
  turnpike.signal('SIGTERM')
  await expect.poll(async () => (await fetch(`${turnpike.origin}/readyz`)).status).toBe(503)
  const refused = await ask(turnpike, 'Hello')
  expect(refused.status).toBe(503)
  expect(refused.headers.get('connection')).toBe('close')
  expect(await refused.json()).toMatchObject({
    error: { code: 'overloaded', message: 'Server is busy, please retry later' },
  })
  const streams = await Promise.all(reading)
  expect(streams.filter((stream) => !stream.endsWith('data: [DONE]\n\n') || stream.includes('"error"'))).toEqual([])
  expect(await turnpike.exited).toEqual({ code: 0, signal: null })
}, 180_000)

test('what an interrupted quick start cannot wait for is told so, by an event or a refusal', async () => {
  await using dataDir = await makeDataDir()
  const turnpike = await startTurnpike({ dataDir: dataDir.path })
  const stream = await ask(turnpike, '[[sandbox: events=1000 eventMs=100]]')
  const waiting = ask(turnpike, '[[sandbox: firstByteMs=60000]]')
  await sleep(300)
  turnpike.signal('SIGINT')
  const [told, refused] = await Promise.all([stream.text(), waiting])
  expect(told).toMatch(/"code":"overloaded"[^\n]*\n\n$/)
  expect(told).not.toContain('[DONE]')
  expect(refused.status).toBe(503)
  await refused.text()
  expect(await turnpike.exited).toEqual({ code: 0, signal: null })
}, 180_000)
