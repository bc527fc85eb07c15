import { setTimeout as sleep } from 'node:timers/promises'
import { startEmbeddedPostgres } from '@turnpike/db/embedded'
import type { Log } from './logger.ts'

const RESTART_DELAY_MS = 500

/** The embedded server, kept running: one that ends by itself is started again on the same port, so that pools find it. */
export async function openEmbeddedDatabase(dataDir: string, log: Log) {
  let server = await startEmbeddedPostgres({ dataDir })
  const { url, port } = server
  const closing = new AbortController()
  const watching = watch()

  async function watch(): Promise<void> {
    while (!closing.signal.aborted) {
      await server.exited
      if (closing.signal.aborted) return
      log.error({ port }, 'the embedded database ended by itself; starting it again')
      await server.stop().catch(() => {})
      await restart()
    }
  }

  async function restart(): Promise<void> {
    while (!closing.signal.aborted) {
      try {
        server = await startEmbeddedPostgres({ dataDir, port })
        return log.info({ port }, 'the embedded database runs again')
      } catch (error) {
        log.error({ err: error }, 'the embedded database does not start; trying again')
        await sleep(RESTART_DELAY_MS, undefined, { signal: closing.signal }).catch(() => {})
      }
    }
  }

  return {
    url,
    async close(): Promise<void> {
      closing.abort()
      await server.stop()
      await watching
      // A restart that was under way has brought up another one.
      await server.stop()
    },
  }
}
