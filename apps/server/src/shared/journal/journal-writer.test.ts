import { mkdirSync, readFileSync, rmdirSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { encodeRecord, end, makeTempDir, start } from './__fixtures__/journal-world.ts'
import { createJournalWriter, JournalFull, segmentName } from './journal-writer.ts'

const MIB = 1024 * 1024

test('an acknowledged record is in the file', async () => {
  using dir = makeTempDir()
  const writer = createJournalWriter({ directory: dir.path, maxBytes: MIB })
  await writer.append(start('r1'))
  expect(readFileSync(join(dir.path, segmentName(1)), 'utf8')).toBe(encodeRecord(start('r1')))
  await writer.close()
})

test('all records of one turn of the loop share a write', async () => {
  using dir = makeTempDir()
  const writer = createJournalWriter({ directory: dir.path, maxBytes: MIB })
  await Promise.all(['r1', 'r2', 'r3'].map((id) => writer.append(start(id))))
  expect(writer.stats()).toMatchObject({ records: 3, writes: 1 })
  await writer.append(end('r1'))
  expect(writer.stats()).toMatchObject({ records: 4, writes: 2 })
  await writer.close()
})

test('a full segment is followed by the next one', async () => {
  using dir = makeTempDir()
  const writer = createJournalWriter({ directory: dir.path, maxBytes: MIB, segmentBytes: 1 })
  await writer.append(start('r1'))
  await writer.append(start('r2'))
  await writer.append(start('r3'))
  expect(writer.segments().map(({ number, isOpen }) => [number, isOpen])).toEqual([
    [1, false],
    [2, false],
    [3, true],
  ])
  for (const id of [1, 2, 3]) {
    expect(readFileSync(join(dir.path, segmentName(id)), 'utf8')).toBe(encodeRecord(start(`r${id}`)))
  }
  await writer.close()
})

test('a full journal refuses starts first, and ends when their reserve is used up too', async () => {
  using dir = makeTempDir()
  const line = encodeRecord(start('r1')).length
  // A quarter is kept for ends.
  const writer = createJournalWriter({ directory: dir.path, maxBytes: line * 4 })
  for (let index = 0; index < 3; index++) await writer.append(start('r1'))
  await expect(writer.append(start('r1'))).rejects.toThrow(JournalFull)
  await writer.append(end('r1'))
  await expect(writer.append(end('r1'))).rejects.toThrow(JournalFull)
  await writer.close()
})

test('bytes of other directories count, and a removed segment makes room', async () => {
  using dir = makeTempDir()
  const line = encodeRecord(start('r1')).length
  const other = { bytes: line * 8 }
  const writer = createJournalWriter({
    directory: dir.path,
    maxBytes: line * 8,
    segmentBytes: line,
    otherBytes: () => other.bytes,
  })
  await expect(writer.append(start('r1'))).rejects.toThrow(JournalFull)
  other.bytes = 0
  for (let index = 0; index < 6; index++) await writer.append(start('r1'))
  await expect(writer.append(start('r1'))).rejects.toThrow(JournalFull)
  writer.forget(1)
  await writer.append(start('r1'))
  await writer.close()
})

test('the smallest journal allowed still rotates, so that what is shipped gives its room free', async () => {
  using dir = makeTempDir()
  const writer = createJournalWriter({ directory: dir.path, maxBytes: 16 * MIB })
  const wide = end('r1', { userAgent: 'x'.repeat(MIB) })
  for (let round = 0; round < 40; round++) {
    await writer.append(wide)
    for (const segment of writer.segments()) if (!segment.isOpen) writer.forget(segment.number)
  }
  await writer.append(start('r2'))
  await writer.close()
})

test('a write the disk refuses leaves no trace, and the next one goes on behind the last good record', async () => {
  using dir = makeTempDir()
  let isDiskFull = false
  const writer = createJournalWriter({
    directory: dir.path,
    maxBytes: MIB,
    write(fd, bytes, from) {
      if (!isDiskFull) return writeSync(fd, bytes, from)
      if (from > 0) throw Object.assign(new Error('no space left on device'), { code: 'ENOSPC' })
      // A disk with some room takes the first record whole and a part of the second.
      return writeSync(fd, bytes, from, encodeRecord(start('r2')).length + 20)
    },
  })
  await writer.append(start('r1'))
  isDiskFull = true
  const refused = await Promise.allSettled([writer.append(start('r2')), writer.append(start('r3'))])
  expect(refused.map(({ status }) => status)).toEqual(['rejected', 'rejected'])
  isDiskFull = false
  await writer.append(start('r4'))
  expect(readFileSync(join(dir.path, segmentName(1)), 'utf8')).toBe(
    encodeRecord(start('r1')) + encodeRecord(start('r4')),
  )
  expect(writer.stats()).toMatchObject({ records: 2, failures: 1 })
  expect(writer.segments()[0]?.bytes).toBe(writer.stats().bytes)
  await writer.close()
})

test('a segment that cannot be opened is a refusal like any other', async () => {
  using dir = makeTempDir()
  const writer = createJournalWriter({ directory: dir.path, maxBytes: MIB, segmentBytes: 1 })
  await writer.append(start('r1'))
  const blocked = join(dir.path, segmentName(2))
  mkdirSync(blocked)
  await expect(writer.append(start('r2'))).rejects.toThrow(/EISDIR/)
  rmdirSync(blocked)
  await writer.append(start('r3'))
  expect(writer.segments().map(({ number }) => number)).toEqual([1, 2])
  await writer.close()
})

test('a closed journal refuses, it never writes to a file that took its number', async () => {
  using dir = makeTempDir()
  const writer = createJournalWriter({ directory: dir.path, maxBytes: MIB })
  const last = writer.append(start('r1'))
  await writer.close()
  await last
  await expect(writer.append(end('r1'))).rejects.toThrow('closed')
  await writer.close()
})
