import { connect, createServer, type Socket } from 'node:net'
import { expect, test } from 'vitest'
import { createDb } from './client.ts'
import { freshDatabase } from './testing/fresh-database.ts'

/** Passes everything on to a real server until it is frozen; then it takes what comes and answers nothing. */
async function freezable(url: string) {
  const { hostname, port } = new URL(url)
  const sockets = new Set<Socket>()
  let isFrozen = false
  const server = createServer((client) => {
    const upstream = connect(Number(port), hostname)
    for (const socket of [client, upstream]) {
      sockets.add(socket)
      socket.on('error', () => {})
      socket.on('close', () => sockets.delete(socket))
    }
    client.on('data', (bytes) => isFrozen || upstream.write(bytes))
    upstream.on('data', (bytes) => isFrozen || client.write(bytes))
    client.on('close', () => upstream.destroy())
    upstream.on('close', () => client.destroy())
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  const through = new URL(url)
  through.host = `127.0.0.1:${typeof address === 'object' ? address?.port : 0}`
  return {
    url: through.href,
    freeze(value: boolean) {
      isFrozen = value
    },
    async [Symbol.asyncDispose]() {
      server.close()
      for (const socket of sockets) socket.destroy()
    },
  }
}

test('a query to a server that froze fails, and the pool works again as soon as the server does', async () => {
  await using fresh = await freshDatabase()
  await using proxy = await freezable(fresh.url)
  const database = createDb({ url: proxy.url, max: 1, statementTimeoutMs: 2_500, connectTimeoutMs: 2_000 })
  await database.sql`select 1`
  proxy.freeze(true)
  await expect(database.sql`select 1`).rejects.toMatchObject({ code: 'CONNECTION_CLOSED' })
  await expect(database.sql`select 1`).rejects.toMatchObject({ code: 'CONNECT_TIMEOUT' })
  proxy.freeze(false)
  expect(await database.sql`select 1 as n`).toEqual([{ n: 1 }])
  await database.close()
})

test('a connection that owes nothing may be silent for ever', async () => {
  await using fresh = await freshDatabase()
  const database = createDb({ url: fresh.url, max: 1, statementTimeoutMs: 500 })
  const [before] = await database.sql`select pg_backend_pid() as pid`
  await new Promise((resolve) => setTimeout(resolve, 3_000))
  expect(await database.sql`select pg_backend_pid() as pid`).toEqual([before])
  await database.close()
})
