import { GatewayError } from '@turnpike/core/gateway/errors'
import type { Outcome } from '@turnpike/core/gateway/outcome'
import { freshDatabase } from '@turnpike/db/testing'
import { makeOutcome } from '@turnpike/db/testing/outcome'
import { expect, test } from 'vitest'
import { end, makeLog, start } from '../../shared/journal/__fixtures__/journal-world.ts'
import type { JournalRecord } from '../../shared/journal/record.ts'
import { createLedger, createLedgerWriter, MAX_STRANDED_ENDS } from './ledger.ts'

const BOOT_ID = '0190b6a0-0000-7000-8000-000000000001'

/** A ledger between a journal and a database that can both be broken. */
function makeWorld() {
  const log = makeLog()
  const world = {
    log,
    isJournalBroken: false,
    isDatabaseAway: false,
    journaled: [] as JournalRecord[],
    settled: [] as string[],
    rows: [] as string[],
  }
  const ledger = createLedger({
    bootId: BOOT_ID,
    journal: {
      async append(record) {
        if (world.isJournalBroken) throw new Error('no space left on device')
        world.journaled.push(record)
      },
      settle: (requestId) => void world.settled.push(requestId),
    },
    async write(outcomes) {
      if (world.isDatabaseAway) throw new Error('the database is away')
      world.rows.push(...outcomes.map((json) => JSON.parse(json.toString()).requestId))
    },
    async ping() {
      if (world.isDatabaseAway) throw new Error('the database is away')
    },
    log,
  })
  return Object.assign(world, ledger)
}

const startOf = (id: string) => start(id).record
const endOf = (id: string) => end(id).record

test('start and end go to the journal, and nowhere else', async () => {
  const world = makeWorld()
  await world.port.start(startOf('r1'))
  await world.port.end(endOf('r1'))
  expect(world.journaled.map(({ kind }) => kind)).toEqual(['start', 'end'])
  expect(world.rows).toEqual([])
})

test('a journal that is full or broken is replaced by the ledger itself, and says so once', async () => {
  const world = makeWorld()
  await world.port.start(startOf('r1'))
  world.isJournalBroken = true
  for (const id of ['r1', 'r2']) {
    if (id === 'r2') await world.port.start(startOf(id))
    await world.port.end(endOf(id))
  }
  expect(world.rows).toEqual(['r1', 'r2'])
  expect(world.settled).toEqual(['r1', 'r2'])
  world.isJournalBroken = false
  await world.port.start(startOf('r3'))
  expect(world.log.messages).toEqual([
    'the journal takes no records; they go to the ledger directly',
    'the journal takes records again',
  ])
})

test('with neither journal nor database nobody is served', async () => {
  const world = makeWorld()
  world.isJournalBroken = true
  world.isDatabaseAway = true
  const refused = await world.port.start(startOf('r1')).catch((error: unknown) => error)
  expect(refused).toBeInstanceOf(GatewayError)
  expect(refused).toMatchObject({ code: 'ledger_unavailable' })
})

test('an end that nobody takes waits in memory for the database', async () => {
  const world = makeWorld()
  world.isJournalBroken = true
  world.isDatabaseAway = true
  await world.port.end(endOf('r1'))
  await world.retryStranded()
  expect(world.stats()).toEqual({ stranded: 1, lost: 0 })
  world.isDatabaseAway = false
  await world.retryStranded()
  expect(world.rows).toEqual(['r1'])
  expect(world.settled).toEqual(['r1'])
  expect(world.stats()).toEqual({ stranded: 0, lost: 0 })
})

test('an end that nobody takes waits for the journal just as well', async () => {
  const world = makeWorld()
  world.isJournalBroken = true
  world.isDatabaseAway = true
  const ids = Array.from({ length: 1_001 }, (_, index) => `r${index}`)
  for (const id of ids) await world.port.end(endOf(id))
  world.isJournalBroken = false
  await world.retryStranded()
  expect(world.journaled.map(({ record }) => record.requestId)).toEqual(ids)
  expect(world.stats()).toEqual({ stranded: 0, lost: 0 })
})

test('memory is bounded: beyond it the newest is lost, counted and named', async () => {
  const world = makeWorld()
  world.isJournalBroken = true
  world.isDatabaseAway = true
  const outcome = endOf('r1')
  await Promise.all(Array.from({ length: MAX_STRANDED_ENDS + 1 }, () => world.port.end(outcome)))
  expect(world.stats()).toEqual({ stranded: MAX_STRANDED_ENDS, lost: 1 })
  expect(world.log.messages.at(-1)).toContain('lost')
  await world.retryStranded()
  expect(world.stats()).toEqual({ stranded: MAX_STRANDED_ENDS, lost: 1 })
})

test('a row the database refuses for good is named and does not block the others', async () => {
  await using fresh = await freshDatabase()
  const log = makeLog()
  const shipped: string[] = []
  const write = createLedgerWriter({
    sql: fresh.sql,
    bootId: BOOT_ID,
    timeZone: () => 'UTC',
    onShipped: (requestIds) => void shipped.push(...requestIds),
    log,
  })
  const good = makeOutcome()
  const impossible = makeOutcome({ createdAtMs: Number.NaN, requestId: good.requestId })
  const json = (outcome: Outcome) => Buffer.from(JSON.stringify(outcome))
  await write([impossible, good].map(json), BOOT_ID)
  await write([json(good)], BOOT_ID)
  const rows = await fresh.sql<{ id: string; bootId: string }[]>`
    select request_id as id, boot_id as "bootId" from usage_logs`
  expect(rows).toEqual([{ id: good.requestId, bootId: BOOT_ID }])
  expect(log.messages).toEqual(['the ledger refused a record for good'])
  // Whoever waits for one of them waits no longer.
  expect(shipped).toEqual([good.requestId, good.requestId, good.requestId])
})
