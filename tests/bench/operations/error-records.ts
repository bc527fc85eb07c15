import type { Refusal } from '@turnpike/core/ops/refusal'
import { makeOutcome } from '@turnpike/db/testing/outcome'
import { createErrorLog } from '../../../apps/server/src/features/ops/errors/error-log.ts'
import { silentLog } from '../../../apps/server/src/shared/logger.ts'
import type { Goal } from '../report.ts'
import { median } from '../statistics.ts'

const RECORD_US = 3
const BURST = 200
const A_SECOND = 50_000
const STILL_IN_TIME = 1.1
/** Until a batch is written in a storm. */
const WRITE_MS = 2
/** Who cause errors themselves: what is more than some of each is folded. */
const CALLERS = 1_000

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
  const { stats, lost, tookSeconds } = await storm(stormSeconds)
  const { produced, stored, folded, dropped } = stats
  const counted = `stored ${stored}, folded ${folded}, no room ${dropped.queueFull}, no database ${dropped.database}, at the stop ${dropped.closed}`
  return [
    {
      goal: `a failure on the way of its request, µs (its row, made later: ${median(made).toFixed(1)} µs of CPU)`,
      atMost: RECORD_US,
      measured: median(told),
      isMet: median(told) <= RECORD_US,
    },
    {
      goal: `unaccounted for of ${produced} errors in ${tookSeconds.toFixed(1)} s (${counted})`,
      atMost: 0,
      measured: lost,
      isMet: lost === 0,
    },
    {
      goal: `s that ${stormSeconds} s of ${A_SECOND} errors took this process`,
      atMost: stormSeconds * STILL_IN_TIME,
      measured: tookSeconds,
      isMet: tookSeconds <= stormSeconds * STILL_IN_TIME,
    },
  ]
}

function open(insert: () => Promise<void> = async () => {}) {
  return createErrorLog({
    insert,
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

/** 50,000 distinct errors a second, every other one of a caller's own making, in steps of a millisecond. */
async function storm(seconds: number) {
  const errorLog = open(() => new Promise((resolve) => setTimeout(resolve, WRITE_MS)))
  const startedAt = performance.now()
  const passedSeconds = () => (performance.now() - startedAt) / 1_000
  let sent = 0
  while (sent < A_SECOND * seconds) {
    const due = Math.min(A_SECOND * seconds, Math.floor(passedSeconds() * A_SECOND))
    for (; sent < due; sent++) {
      if (sent % 2 === 0) errorLog.recordOutcome(makeOutcome(FAILED), DIAGNOSTICS)
      else errorLog.recordRefusal(refusalOf(sent))
    }
    await new Promise((resolve) => setTimeout(resolve, 1))
  }
  const tookSeconds = passedSeconds()
  await errorLog.close()
  const stats = errorLog.stats()
  const { queueFull, database, closed } = stats.dropped
  const lost = sent - stats.stored - stats.folded - queueFull - database - closed
  return { stats, tookSeconds, lost: Math.max(Math.abs(lost), Math.abs(sent - stats.produced)) }
}

function refusalOf(at: number): Refusal {
  const caller = Math.floor(at / 2) % CALLERS
  return {
    requestId: makeOutcome().requestId,
    clientRequestId: null,
    createdAtMs: Date.now(),
    endedAtMs: Date.now(),
    code: 'invalid_api_key',
    endpoint: null,
    path: '/v1/responses',
    stream: null,
    model: null,
    userId: null,
    keyId: null,
    groupId: null,
    clientIp: `192.0.${caller >> 8}.${caller & 255}`,
    userAgent: null,
    totalMs: 1,
  }
}
