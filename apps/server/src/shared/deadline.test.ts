import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { expect, test } from 'vitest'
import { within } from './deadline.ts'

test('what does not come in time is a timeout', async () => {
  await expect(within(10, new Promise(() => {}))).rejects.toMatchObject({ reason: 'timeout' })
  expect(await within(10_000, Promise.resolve('in time'))).toBe('in time')
  await expect(within(10_000, Promise.reject(new Error('its own fault')))).rejects.toThrow('its own fault')
})

test('an answer that was there before its time was over counts, although this process stood still meanwhile', async () => {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const accepted = once(server, 'connection') as Promise<[Socket]>
  const client = connect((server.address() as AddressInfo).port, '127.0.0.1')
  const [answering] = await accepted
  try {
    const answer = within(20, once(client, 'data'))
    answering.write('answer')
    standStill(200)
    expect(String(await answer)).toBe('answer')
  } finally {
    client.destroy()
    answering.destroy()
    server.close()
  }
})

function standStill(ms: number): void {
  const until = performance.now() + ms
  while (performance.now() < until);
}
