import { opsErrorLogs } from '@turnpike/db/schema'
import { makeOutcome } from '@turnpike/db/testing/outcome'
import { count } from 'drizzle-orm'
import { expect, test } from 'vitest'
import { createErrorLog } from '../../apps/server/src/features/ops/errors/error-log.ts'
import { createErrorInsert } from '../../apps/server/src/features/ops/errors/insert-errors.ts'
import { silentLog } from '../../apps/server/src/shared/logger.ts'
import { startGatewayWorld } from '../support/gateway-world.ts'

const CALLERS = 8
const REQUESTS_EACH = 25
/** Errors at once, again and again while requests are answered. */
const BURST = 1_000
const AT_LEAST = 100_000
const FAILED = { outcome: 'exhausted', status: 502, errorCode: 'upstream_failed' } as const

test('in a storm of errors every request is answered and in the ledger, and every error accounted for', async () => {
  await using world = await startGatewayWorld()
  const insert = createErrorInsert({ sql: world.sql })
  const errorLog = createErrorLog({
    insert,
    clock: { now: () => Date.now() },
    instanceId: 'stormed',
    providerOf: () => 'openai',
    log: silentLog,
  })
  let isOver = false
  const storm = (async () => {
    let sent = 0
    while (!isOver || sent < AT_LEAST) {
      for (let at = 0; at < BURST; at++, sent++) {
        const outcome = makeOutcome({ ...FAILED, model: `model-${sent}` })
        errorLog.recordOutcome(outcome, { isInLedger: true, upstreamErrors: [], fault: undefined })
      }
      // Every error of a turn at once, then a turn for the requests.
      await new Promise((resolve) => setImmediate(resolve))
    }
    return sent
  })()

  const statuses = await Promise.all(Array.from({ length: CALLERS }, () => callerOf(world))).finally(() => {
    isOver = true
  })
  const sent = await storm
  await errorLog.close()

  expect(statuses.flat()).toEqual(Array.from({ length: CALLERS * REQUESTS_EACH }, () => 200))
  const ledger = await world.ledger()
  expect(ledger).toHaveLength(CALLERS * REQUESTS_EACH)
  expect(new Set(ledger.map(({ requestId }) => requestId)).size).toBe(CALLERS * REQUESTS_EACH)
  expect(new Set(ledger.map(({ outcome }) => outcome))).toEqual(new Set(['completed']))

  const { produced, stored, folded, dropped, waiting } = errorLog.stats()
  expect(produced).toBe(sent)
  expect(stored + folded + dropped.queueFull + dropped.database + dropped.closed).toBe(sent)
  expect(waiting).toBe(0)
  expect(stored).toBeGreaterThan(0)
  expect(dropped.queueFull).toBeGreaterThan(0)
  const [rows] = await world.db.select({ rows: count() }).from(opsErrorLogs)
  // A batch that was given up may have been written all the same.
  expect(rows?.rows).toBeGreaterThanOrEqual(stored)
  expect(rows?.rows).toBeLessThanOrEqual(stored + dropped.database + dropped.closed)
})

/** One request after the other. */
async function callerOf(world: Awaited<ReturnType<typeof startGatewayWorld>>): Promise<number[]> {
  const statuses: number[] = []
  for (let at = 0; at < REQUESTS_EACH; at++) statuses.push((await world.chat({ stream: at % 2 === 0 })).status)
  return statuses
}
