import fc from 'fast-check'
import { expect, test } from 'vitest'
import { encodeRecord, end, start } from './__fixtures__/journal-world.ts'
import { decodeRecord, type JournalRecord, type ReadRecord, salvageRecords } from './record.ts'

/** A record as it is read back. */
function asRead({ kind, record }: JournalRecord): ReadRecord {
  return { kind, requestId: record.requestId, json: Buffer.from(JSON.stringify(record)) }
}

test('what is written is read again, whatever callers and upstreams sent', () => {
  const text = fc.string({ unit: 'binary' })
  fc.assert(
    fc.property(fc.uuid(), text, text, (id, userAgent, model) => {
      const written = end(id, { userAgent, model })
      const line = encodeRecord(written)
      expect(line.indexOf('\n')).toBe(line.length - 1)
      // Through UTF-8, as the file holds it.
      expect(decodeRecord(Buffer.from(line.slice(0, -1)))).toEqual(asRead(written))
    }),
  )
})

test('a line with any one byte changed is no record', () => {
  const line = Buffer.from(encodeRecord(start('r1')).slice(0, -1))
  fc.assert(
    fc.property(fc.nat(line.length - 1), fc.integer({ min: 1, max: 255 }), (at, flip) => {
      const damaged = Buffer.from(line)
      damaged.writeUInt8(damaged.readUInt8(at) ^ flip, at)
      expect(decodeRecord(damaged)).toBeNull()
    }),
    { numRuns: 2_000 },
  )
})

test('a line cut short is no record', () => {
  const line = Buffer.from(encodeRecord(end('r1')).slice(0, -1))
  for (let length = 0; length < line.length; length++) expect(decodeRecord(line.subarray(0, length))).toBeNull()
})

test('whole records that share a line with damage are found in it', () => {
  const [first, second, third] = [start('r1'), end('r1'), start('r2')]
  const lines = Buffer.from([first, second, third].map(encodeRecord).join('').slice(0, -1).replaceAll('\n', '\t'))
  expect(salvageRecords(lines)).toEqual([first, second, third].map(asRead))
  expect(salvageRecords(lines.subarray(5))).toEqual([second, third].map(asRead))
})

test('a caller cannot forge a record out of the pieces of a damaged one', () => {
  const forged = encodeRecord(end('forged')).slice(0, -1)
  const empty = 'E a3a6bf43 {} E 00000000 {'
  const line = `damaged ${encodeRecord(end('r1', { userAgent: `${forged} ${empty}`, model: forged }))}`
  expect(salvageRecords(Buffer.from(line.slice(0, -40)))).toEqual([])
})
