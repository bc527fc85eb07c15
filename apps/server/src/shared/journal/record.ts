import { crc32 } from 'node:zlib'
import type { Outcome } from '@turnpike/core/gateway/outcome'
import type { StartRecord } from '@turnpike/core/gateway/ports'

export type JournalRecord = { kind: 'start'; record: StartRecord } | { kind: 'end'; record: Outcome }

const FRONT = /[SE] [0-9a-f]{8} \{/g
const FRONT_CHARS = 11
/** Both kinds of records name their request first. */
const REQUEST_ID = /^\{"requestId":"([^"\\]+)"/

/** A record as it goes to the file. */
export function asWritten({ kind, record }: JournalRecord): ReadRecord {
  return { kind, requestId: record.requestId, json: JSON.stringify(record) }
}

/** One line: kind, CRC-32 of the JSON in hex, the JSON, line feed. JSON never contains a bare line feed. */
export function lineOf({ kind, json }: ReadRecord): string {
  return `${kind === 'start' ? 'S' : 'E'} ${checksum(json)} ${json}\n`
}

/** A record as it stands in the file. It stays the JSON it is: the database takes ends apart, and most starts are met by their end. */
export interface ReadRecord {
  kind: JournalRecord['kind']
  requestId: string
  json: string
}

/** The record of one line without its line feed; null for a line that is torn or damaged. */
export function decodeRecord(line: string): ReadRecord | null {
  const kind = line.startsWith('S ') ? 'start' : line.startsWith('E ') ? 'end' : null
  const json = line.slice(FRONT_CHARS)
  if (kind === null || line.slice(2, FRONT_CHARS) !== `${checksum(json)} `) return null
  const requestId = requestIdOf(json)
  if (requestId === null) return null
  return { kind, requestId, json }
}

/** The request that a record's JSON names first; null = it names none. */
export function requestIdOf(json: string): string | null {
  return REQUEST_ID.exec(json)?.[1] ?? null
}

/**
 * What is intact in a damaged line: where a line feed was hit or a write was torn, whole records stand inside it. A text
 * of a caller that looks like one is none: within JSON it has no quotes, so it has no members either.
 */
export function salvageRecords(line: string): ReadRecord[] {
  const fronts = [...line.matchAll(FRONT)].map(({ index }) => index)
  return fronts.flatMap((from, at) => {
    // The byte before the next front was this record's line feed.
    const next = fronts[at + 1]
    return decodeRecord(line.slice(from, next === undefined ? undefined : next - 1)) ?? []
  })
}

/** The start that a record holds. Safe because the checksum proved that the JSON is what `lineOf` made. */
export function startOf({ json }: ReadRecord): StartRecord {
  const record: StartRecord = JSON.parse(json)
  return record
}

function checksum(json: string): string {
  return crc32(json).toString(16).padStart(8, '0')
}
