import { appendFileSync, existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Outcome } from '@turnpike/core/gateway/outcome'
import type { StartRecord } from '@turnpike/core/gateway/ports'
import { makeOutcome } from '@turnpike/db/testing/outcome'
import { type Log, silentLog } from '../../logger.ts'
import { segmentName } from '../journal-writer.ts'
import { createLineBuffer } from '../line-buffer.ts'
import type { JournalRecord } from '../record.ts'

const MEMORY = '/dev/shm'

/** A directory that is gone after use; in memory where there is one, because some tests need thousands. */
export function makeTempDir() {
  const path = mkdtempSync(join(existsSync(MEMORY) ? MEMORY : tmpdir(), 'turnpike-test-'))
  return { path, [Symbol.dispose]: () => rmSync(path, { recursive: true, force: true }) }
}

/** A record's line in the file. */
export function encodeRecord(record: JournalRecord): string {
  const lines = createLineBuffer()
  lines.add(record)
  return lines.take(false).toString('utf8')
}

export function start(requestId: string): JournalRecord & { kind: 'start' } {
  const record: StartRecord = {
    requestId,
    createdAtMs: 1_767_225_600_000,
    endpoint: '/v1/chat/completions',
    stream: true,
    userId: 1,
    keyId: 2,
    groupId: 3,
    accountId: 4,
    model: 'größe-😀',
    billing: 'none',
    multiplierE4: 10_000,
    clientIp: '192.0.2.7',
  }
  return { kind: 'start', record }
}

export function end(requestId: string, changes: Partial<Outcome> = {}): JournalRecord & { kind: 'end' } {
  return { kind: 'end', record: makeOutcome({ createdAtMs: 1_767_225_600_000, ...changes, requestId }) }
}

/** A ledger in memory that keeps one row of each request and can be out of reach. */
export function makeLedger() {
  const rows = new Map<string, Outcome>()
  const ledger = {
    rows,
    /** How often each request was given. */
    given: new Map<string, number>(),
    batches: 0,
    /** Asked before every batch: throws where the ledger is out of reach. */
    check(_batch: Buffer[]): void {},
    async write(batch: Buffer[]): Promise<void> {
      ledger.check(batch)
      ledger.batches++
      for (const json of batch) {
        const outcome: Outcome = JSON.parse(json.toString())
        ledger.given.set(outcome.requestId, (ledger.given.get(outcome.requestId) ?? 0) + 1)
        if (!rows.has(outcome.requestId)) rows.set(outcome.requestId, outcome)
      }
    },
    ids: () => [...rows.keys()],
    outcomes: () => Object.fromEntries([...rows].map(([id, { outcome }]) => [id, outcome])),
  }
  return ledger
}

/** The directory that a killed process would have left. */
export function leaveDirectory(root: string, name: string, segments: (JournalRecord[] | Buffer)[]): string {
  const directory = join(root, name)
  mkdirSync(directory, { recursive: true })
  for (const [index, segment] of segments.entries()) {
    const bytes = Buffer.isBuffer(segment) ? segment : Buffer.from(segment.map(encodeRecord).join(''))
    appendFileSync(join(directory, segmentName(index + 1)), bytes)
  }
  return directory
}

/** A log that remembers its messages. */
export function makeLog(): Log & { messages: string[] } {
  const messages: string[] = []
  const note = (_fields: Record<string, unknown>, message: string) => void messages.push(message)
  return { ...silentLog, info: note, warn: note, error: note, messages }
}
