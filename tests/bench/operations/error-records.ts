import { makeOutcome } from '@turnpike/db/testing/outcome'
import { createErrorLog } from '../../../apps/server/src/features/ops/errors/error-log.ts'
import { silentLog } from '../../../apps/server/src/shared/logger.ts'
import type { Goal } from '../report.ts'
import { median } from '../statistics.ts'

const RECORD_US = 3
const BURST = 200
const A_SECOND = 50_000

const FAILED = { outcome: 'exhausted', status: 502, errorCode: 'upstream_failed' } as const
const DIAGNOSTICS = {
  isInLedger: true,
  upstreamErrors: [
    { attempt: 0, body: JSON.stringify({ error: { message: 'The server is overloaded', code: 'busy' } }) },
  ],
  fault: undefined,
}

/** What a failure costs the request it is of, and its row when that is made; and what becomes of a storm of them. */
export async function measureErrorRecords(bursts: number, stormSeconds: number): Promise<Goal[]> {
  const told: number[] = []
  const made: number[] = []
  for (let burst = 0; burst < bursts; burst++) {
    const { onTheWay, altogether } = await oneBurst()
    told.push(onTheWay)
    made.push(altogether)
  }
  const { stats, lost } = await storm(stormSeconds)
  const { produced, stored, folded, dropped } = stats
  const counted = `stored ${stored}, folded ${folded}, no room ${dropped.queueFull}, no database ${dropped.database}`
  return [
    {
      goal: `a failure on the way of its request, µs (its row, made later: ${median(made).toFixed(1)} µs of CPU)`,
      atMost: RECORD_US,
      measured: median(told),
      isMet: median(told) <= RECORD_US,
    },
    {
      goal: `unaccounted for of ${produced} errors in ${stormSeconds} s (${counted})`,
      atMost: 0,
      measured: lost,
      isMet: lost === 0,
    },
  ]
}

function open() {
  return createErrorLog({
    insert: async () => {},
    clock: { now: () => Date.now() },
    instanceId: 'bench',
    providerOf: () => 'openai',
    log: silentLog,
  })
}

async function oneBurst(): Promise<{ onTheWay: number; altogether: number }> {
  const errorLog = open()
  const outcomes = Array.from({ length: BURST }, () => makeOutcome(FAILED))
  const before = process.cpuUsage()
  const startedAt = performance.now()
  for (const outcome of outcomes) errorLog.recordOutcome(outcome, DIAGNOSTICS)
  const onTheWay = (1_000 * (performance.now() - startedAt)) / BURST
  await errorLog.close()
  const { user, system } = process.cpuUsage(before)
  if (errorLog.stats().stored !== BURST) throw new Error('not all of a burst was stored')
  return { onTheWay, altogether: (user + system) / BURST }
}

/** 50,000 distinct errors a second, as far as this machine makes them, in steps of a millisecond. */
async function storm(seconds: number) {
  const errorLog = open()
  const startedAt = performance.now()
  let sent = 0
  while (sent < A_SECOND * seconds) {
    const due = Math.min(A_SECOND * seconds, Math.floor(((performance.now() - startedAt) / 1_000) * A_SECOND))
    for (; sent < due; sent++) errorLog.recordOutcome(makeOutcome(FAILED), DIAGNOSTICS)
    await new Promise((resolve) => setTimeout(resolve, 1))
  }
  await errorLog.close()
  const stats = errorLog.stats()
  const { queueFull, database, closed } = stats.dropped
  return { stats, lost: sent - stats.stored - stats.folded - queueFull - database - closed }
}
