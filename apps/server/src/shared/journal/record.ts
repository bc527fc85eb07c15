import { crc32 } from 'node:zlib'
import type { Outcome } from '@turnpike/core/gateway/outcome'
import type { StartRecord } from '@turnpike/core/gateway/ports'

export type JournalRecord = { kind: 'start'; record: StartRecord } | { kind: 'end'; record: Outcome }

const LETTERS = { start: 'S', end: 'E' } as const
const FRONT = /[SE] [0-9a-f]{8} \{/g
/** Of the letter, the checksum and the spaces behind them. */
const FRONT_BYTES = 11
const CHECKSUM_AT = 2
const CHECKSUM_DIGITS = 8
const LINE_FEED = 0x0a
/** Both kinds of records name their request first. */
const FIRST_MEMBER = '{"requestId":"'
const QUOTE = 0x22

/** UTF-8 takes at most so many bytes for a unit of a string. */
const BYTES_PER_UNIT = 3

/**
 * A record as it stands in the file. It stays the bytes it is, so that the garbage collector has nothing to carry while
 * they are on their way: the database takes ends apart, and most starts are met by their end.
 */
export interface ReadRecord {
  kind: JournalRecord['kind']
  requestId: string
  /** In UTF-8. */
  json: Buffer
}

/** So many bytes have room for the line of this JSON. */
export function lineBytes(json: string): number {
  return FRONT_BYTES + json.length * BYTES_PER_UNIT + 1
}

/**
 * Writes one line at `at` and returns where it ends: kind, CRC-32 of the JSON in hex, the JSON, line feed. JSON never
 * contains a bare line feed.
 */
export function writeLine(bytes: Buffer, at: number, kind: JournalRecord['kind'], json: string): number {
  const from = at + FRONT_BYTES
  const to = from + bytes.write(json, from)
  bytes.write(`${LETTERS[kind]} ${checksum(bytes.subarray(from, to))} `, at, 'latin1')
  bytes[to] = LINE_FEED
  return to + 1
}

/** The record of one line without its line feed; null for a line that is torn or damaged. */
export function decodeRecord(line: Buffer): ReadRecord | null {
  const front = line.toString('latin1', 0, FRONT_BYTES)
  const kind = front.startsWith('S ') ? 'start' : front.startsWith('E ') ? 'end' : null
  const json = line.subarray(FRONT_BYTES)
  if (kind === null || front.slice(CHECKSUM_AT) !== `${checksum(json)} `) return null
  const requestId = requestIdOf(json)
  return requestId === null ? null : { kind, requestId, json }
}

/** The request that a record's JSON names first; null = it names none. */
export function requestIdOf(json: Buffer): string | null {
  const from = FIRST_MEMBER.length
  if (json.toString('latin1', 0, from) !== FIRST_MEMBER) return null
  const requestId = json.toString('latin1', from, json.indexOf(QUOTE, from))
  return requestId === '' || requestId.includes('\\') ? null : requestId
}

/**
 * What is intact in a damaged line: where a line feed was hit or a write was torn, whole records stand inside it. A text
 * of a caller that looks like one is none: within JSON it has no quotes, so it has no members either.
 */
export function salvageRecords(line: Buffer): ReadRecord[] {
  const fronts = [...line.toString('latin1').matchAll(FRONT)].map(({ index }) => index)
  return fronts.flatMap((from, at) => {
    // The byte before the next front was this record's line feed.
    const next = fronts[at + 1]
    return decodeRecord(line.subarray(from, next === undefined ? undefined : next - 1)) ?? []
  })
}

/** The start that a record holds. Safe because the checksum proved that the JSON is what `writeLine` was given. */
export function startOf({ json }: ReadRecord): StartRecord {
  const record: StartRecord = JSON.parse(json.toString())
  return record
}

function checksum(json: Buffer): string {
  return crc32(json).toString(16).padStart(CHECKSUM_DIGITS, '0')
}
