import { crc32 } from 'node:zlib'
import type { Outcome } from '@turnpike/core/gateway/outcome'
import type { StartRecord } from '@turnpike/core/gateway/ports'

export type JournalRecord = { kind: 'start'; record: StartRecord } | { kind: 'end'; record: Outcome }

/** One line: kind, CRC-32 of the JSON in hex, the JSON, line feed. JSON never contains a bare line feed. */
export function encodeRecord({ kind, record }: JournalRecord): string {
  const json = JSON.stringify(record)
  return `${kind === 'start' ? 'S' : 'E'} ${checksum(json)} ${json}\n`
}

/** The record of one line without its line feed; null for a line that is torn or damaged. */
export function decodeRecord(line: string): JournalRecord | null {
  const kind = line.startsWith('S ') ? 'start' : line.startsWith('E ') ? 'end' : null
  const json = line.slice(11)
  if (kind === null || line.slice(2, 10) !== checksum(json)) return null
  return trusted(kind, JSON.parse(json))
}

/** Safe because the checksum proves that the JSON is what `encodeRecord` wrote. */
function trusted(kind: JournalRecord['kind'], record: unknown): JournalRecord {
  return { kind, record } as JournalRecord
}

function checksum(json: string): string {
  return crc32(json).toString(16).padStart(8, '0')
}
