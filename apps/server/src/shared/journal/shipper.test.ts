import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { end, makeLedger, makeTempDir, start } from './__fixtures__/journal-world.ts'
import { createJournalWriter, segmentName } from './journal-writer.ts'
import { createShipper, SHIP_BATCH_ROWS } from './shipper.ts'

const MIB = 1024 * 1024

/** A writer with a shipper behind it, as they are in the journal; one record a segment unless told otherwise. */
function openPair(directory: string, segmentBytes = 1) {
  const ledger = makeLedger()
  const writer = createJournalWriter({ directory, maxBytes: 64 * MIB, segmentBytes })
  const shipper = createShipper({ directory, write: ledger.write, onRemoved: writer.forget })
  const kept = () => writer.segments().map(({ number }) => number)
  return { ledger, writer, shipper, kept, ship: () => shipper.ship(writer.segments()) }
}

test('ends go to the ledger in batches, once each, however often it ships', async () => {
  using dir = makeTempDir()
  const { ledger, writer, ship } = openPair(dir.path, 16 * 1024 * 1024)
  const ids = Array.from({ length: SHIP_BATCH_ROWS + 1 }, (_, index) => `r${index}`)
  await Promise.all(ids.flatMap((id) => [writer.append(start(id)), writer.append(end(id))]))
  expect(await ship()).toBe(ids.length)
  expect(await ship()).toBe(0)
  expect(ledger.ids()).toEqual(ids)
  expect(new Set(ledger.given.values())).toEqual(new Set([1]))
  await writer.close()
})

test('after a failing write it goes on where it stopped: nothing skipped, nothing given twice', async () => {
  using dir = makeTempDir()
  const { ledger, writer, ship } = openPair(dir.path, 64 * 1024)
  const ids = Array.from({ length: 400 }, (_, index) => `r${index}`)
  let failures = 0
  ledger.check = () => {
    if (ledger.batches % 2 === 0 && failures++ % 2 === 0) throw new Error('the ledger is away')
  }
  for (const id of ids) await writer.append(end(id))
  let rounds = 0
  for (; ledger.rows.size < ids.length; rounds++) await ship().catch(() => {})
  expect(rounds).toBeGreaterThan(1)
  expect(ledger.ids()).toEqual(ids)
  expect(new Set(ledger.given.values())).toEqual(new Set([1]))
  await writer.close()
})

test('a segment goes when its ends are shipped, the open one stays', async () => {
  using dir = makeTempDir()
  const { writer, kept, ship } = openPair(dir.path)
  for (const record of [start('r1'), end('r1'), start('r2'), end('r2')]) await writer.append(record)
  await ship()
  expect(kept()).toEqual([4])
  expect(existsSync(join(dir.path, segmentName(1)))).toBe(false)
  expect(existsSync(join(dir.path, segmentName(4)))).toBe(true)
  await writer.close()
})

test('a request that runs for long keeps the segment of its start, and only that one', async () => {
  using dir = makeTempDir()
  const { writer, kept, ship } = openPair(dir.path)
  await writer.append(start('long'))
  for (let round = 0; round < 3; round++) {
    await writer.append(start(`r${round}`))
    await writer.append(end(`r${round}`))
    await ship()
  }
  expect(kept()).toEqual([1, 7])
  await writer.append(end('long'))
  await ship()
  expect(kept()).toEqual([8])
  await writer.close()
})

test('no segment goes while the ledger is away', async () => {
  using dir = makeTempDir()
  const { ledger, writer, kept, ship } = openPair(dir.path)
  for (const record of [start('r1'), end('r1'), start('r2')]) await writer.append(record)
  ledger.check = () => {
    throw new Error('the ledger is away')
  }
  await expect(ship()).rejects.toThrow('away')
  expect(kept()).toEqual([1, 2, 3])
  await writer.close()
})

test('an end that went to the ledger without the journal gives the segment of its start free', async () => {
  using dir = makeTempDir()
  const { shipper, writer, kept, ship } = openPair(dir.path)
  await writer.append(start('unread'))
  shipper.settle('unread')
  await writer.append(start('read'))
  await writer.append(start('open'))
  await ship()
  expect(kept()).toEqual([2, 3])
  shipper.settle('read')
  await ship()
  expect(kept()).toEqual([3])
  expect(shipper.stats().openStarts).toBe(1)
  await writer.close()
})

test('a settled request whose start never was in the journal is forgotten', async () => {
  using dir = makeTempDir()
  const { shipper, writer, ship } = openPair(dir.path)
  shipper.settle('r1')
  await ship()
  await writer.append(start('r1'))
  await ship()
  expect(shipper.stats().openStarts).toBe(1)
  await writer.close()
})
