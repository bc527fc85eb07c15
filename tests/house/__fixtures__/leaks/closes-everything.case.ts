import { once } from 'node:events'
import { createServer } from 'node:net'
import { Worker } from 'node:worker_threads'
import { expect, test } from 'vitest'

test('closes what it opens', async () => {
  const timer = setTimeout(() => {}, 3_600_000)
  const server = createServer().listen(0)
  await once(server, 'listening')
  const worker = new Worker('setInterval(() => {}, 1000)', { eval: true })
  await once(worker, 'online')
  clearTimeout(timer)
  server.close()
  expect(await worker.terminate()).toBe(1)
})
