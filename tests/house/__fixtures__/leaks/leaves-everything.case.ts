import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { connect, createServer } from 'node:net'
import { Worker } from 'node:worker_threads'
import { expect, test } from 'vitest'

const FOREVER_MS = 3_600_000

test('leaves a timer, a server, sockets, a process and a worker behind', async () => {
  setTimeout(() => {}, FOREVER_MS)
  const server = createServer().listen(0)
  await once(server, 'listening')
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('no port')
  await once(connect(address.port, '127.0.0.1'), 'connect')
  spawn('sleep', ['60'])
  await once(new Worker('setInterval(() => {}, 1000)', { eval: true }), 'online')
  expect(address.port).toBeGreaterThan(0)
})
