import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import {
  encodeRecord,
  end,
  leaveDirectory,
  makeLedger,
  makeLog,
  makeTempDir,
  start,
} from './__fixtures__/journal-world.ts'
import { openAdoption } from './adopt.ts'
import { makeDirectory } from './directories.ts'
import type { JournalRecord } from './record.ts'

const LAST_BYTES = 4 * 1024

async function adoptAll(root: string) {
  const ledger = makeLedger()
  const adoption = await openAdoption(root, ledger.write, makeLog())
  const isDone = await adoption.run()
  adoption.close()
  return { ledger, adopted: adoption.stats(), isDone, outcomes: ledger.outcomes() }
}

test('a start without an end becomes one row that says nobody knows, across segments', async () => {
  using dir = makeTempDir()
  leaveDirectory(dir.path, 'dead', [
    [start('whole'), start('cut')],
    [end('whole'), start('late')],
  ])
  const { outcomes, adopted, ledger } = await adoptAll(dir.path)
  expect(outcomes).toEqual({ whole: 'completed', cut: 'unknown', late: 'unknown' })
  expect(adopted).toMatchObject({ rows: 1, unknown: 2 })
  expect(ledger.rows.get('cut')).toMatchObject({
    status: 500,
    billedNano: 0,
    createdAtMs: start('cut').record.createdAtMs,
  })
})

test('a process that still runs is left alone', async () => {
  using dir = makeTempDir()
  const living = makeDirectory(dir.path, 'living')
  leaveDirectory(dir.path, 'living', [[start('r1')]])
  const { outcomes } = await adoptAll(dir.path)
  expect(outcomes).toEqual({})
  expect(existsSync(living.directory)).toBe(true)
  living.lock.release()
})

test('a directory in the making is nobody’s corpse', async () => {
  using dir = makeTempDir()
  leaveDirectory(dir.path, '.making', [[start('r1')]])
  const { outcomes } = await adoptAll(dir.path)
  expect(outcomes).toEqual({})
})

test('a directory with damage is set aside when all that is intact is in the ledger', async () => {
  using dir = makeTempDir()
  const text = [start('r1'), end('r1'), end('r2')].map(encodeRecord).join('')
  leaveDirectory(dir.path, 'dead', [Buffer.from(text.replace('192.0.2.7', '192.0.2.8'))])
  const { outcomes, adopted } = await adoptAll(dir.path)
  expect(outcomes).toEqual({ r1: 'completed', r2: 'completed' })
  expect(adopted).toMatchObject({ damagedLines: 1 })
  expect(readdirSync(dir.path)).toEqual(['damaged'])
  expect(readFileSync(join(dir.path, 'damaged/dead/00000001.log'), 'utf8')).toContain('192.0.2.8')
})

test('cut at every byte of its last 4 KiB, a journal gives back every record that is whole', async () => {
  const records = Array.from({ length: 12 }, (_, index) => [start(`r${index}`), end(`r${index}`)]).flat()
  const bytes = Buffer.from(records.map(encodeRecord).join(''))
  let damaged = 0
  for (let cut = bytes.length - LAST_BYTES; cut <= bytes.length; cut++) {
    using dir = makeTempDir()
    leaveDirectory(dir.path, 'dead', [bytes.subarray(0, cut)])
    const { outcomes, adopted } = await adoptAll(dir.path)
    const expected = whatIsWhole(records, cut)
    expect(outcomes, `cut at ${cut}`).toEqual(expected.rows)
    expect(adopted.damagedLines, `cut at ${cut}`).toBe(expected.isTorn ? 1 : 0)
    damaged += adopted.damagedLines
  }
  expect(damaged).toBeGreaterThan(LAST_BYTES / 2)
}, 180_000)

test('a byte flipped anywhere costs one record at most', async () => {
  const records = ['r1', 'r2', 'r3'].flatMap((id) => [start(id), end(id)])
  const bytes = Buffer.from(records.map(encodeRecord).join(''))
  await fc.assert(
    fc.asyncProperty(fc.nat(bytes.length - 1), fc.integer({ min: 1, max: 255 }), async (at, flip) => {
      using dir = makeTempDir()
      const damaged = Buffer.from(bytes)
      damaged.writeUInt8(damaged.readUInt8(at) ^ flip, at)
      leaveDirectory(dir.path, 'dead', [damaged])
      const { outcomes, adopted } = await adoptAll(dir.path)
      const completed = Object.values(outcomes).filter((outcome) => outcome === 'completed').length
      expect(Object.keys(outcomes)).toEqual(expect.arrayContaining(['r1', 'r2', 'r3']))
      expect(completed).toBeGreaterThanOrEqual(2)
      expect(adopted.damagedLines).toBeGreaterThanOrEqual(1)
      expect(adopted.damagedLines).toBeLessThanOrEqual(2)
    }),
    { numRuns: 300 },
  )
}, 180_000)

/** What the first `cut` bytes hold. Without its line feed a record is whole all the same. */
function whatIsWhole(records: JournalRecord[], cut: number) {
  const rows: Record<string, string> = {}
  let at = 0
  for (const entry of records) {
    const length = Buffer.byteLength(encodeRecord(entry))
    if (at + length - 1 > cut) return { rows, isTorn: at < cut }
    rows[entry.record.requestId] = entry.kind === 'start' ? 'unknown' : 'completed'
    at += length
  }
  return { rows, isTorn: false }
}
