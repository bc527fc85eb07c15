import { GatewayError } from '@turnpike/core/gateway/errors'
import type { Outcome } from '@turnpike/core/gateway/outcome'
import type { Journal } from '@turnpike/core/gateway/ports'
import { ensurePartitions, insertOutcomes, reopenLife } from '@turnpike/db'
import type { Sql } from 'postgres'
import { within } from '../../shared/deadline.ts'
import type { Journal as JournalFile } from '../../shared/journal/journal.ts'
import { requestIdOf } from '../../shared/journal/record.ts'
import { SHIP_BATCH_ROWS, type WriteOutcomes } from '../../shared/journal/shipper.ts'
import type { Log } from '../../shared/logger.ts'

/** A batch that takes longer is given again; rows it may have written are not written twice. */
export const WRITE_TIMEOUT_MS = 6_000
const PROBE_TIMEOUT_MS = 1_000
/** Ends that neither journal nor database took, kept in memory to be written later; beyond it the newest are counted as lost. */
export const MAX_STRANDED_ENDS = 10_000

/** Writes batches of outcomes; a row the database refuses for good is logged by id and does not block the others. */
export function createLedgerWriter({
  sql,
  bootId: ownBootId,
  timeZone,
  onShipped,
  log,
}: {
  sql: Sql
  bootId: string
  /** Whose midnight begins the days of spending limits. */
  timeZone: () => string
  /** Hears of the requests that are in the ledger, or never will be. */
  onShipped(requestIds: Iterable<string>): void
  log: Log
}) {
  return async function write(outcomes: Buffer[], bootId: string): Promise<void> {
    const insert = insertOutcomes(sql, outcomes, { timeZone: timeZone(), bootId })
    const { rejected } = await within(WRITE_TIMEOUT_MS, insert)
    for (const { outcome, error } of rejected) {
      log.error({ err: error, requestId: outcome.requestId }, 'the ledger refused a record for good')
    }
    // What was not counted before its process died is counted from the ledger, now that it knows more.
    if (bootId !== ownBootId) await within(WRITE_TIMEOUT_MS, reopenLife(sql, bootId))
    onShipped(outcomes.map(requestIdOf).filter((id) => id !== null))
  }
}

interface LedgerOptions {
  bootId: string
  journal: Pick<JournalFile, 'append' | 'settle'>
  write: WriteOutcomes
  /** Resolves when the database answers. */
  ping(): Promise<unknown>
  log: Log
}

/** The relay's journal: the local file, or where that is full or broken the ledger itself, or else nobody is served. */
export function createLedger({ bootId, journal, write, ping, log }: LedgerOptions) {
  const stranded: Outcome[] = []
  let lost = 0
  let isRefusing = false

  const port: Journal = {
    start: (record) => journal.append({ kind: 'start', record }).then(noteTaken, probe),
    end: (outcome) => journal.append({ kind: 'end', record: outcome }).catch((error) => endWithout(outcome, error)),
  }

  function noteTaken(): void {
    if (isRefusing) log.info({}, 'the journal takes records again')
    isRefusing = false
  }

  function noteRefused(error: unknown): void {
    if (!isRefusing) log.error({ err: error }, 'the journal takes no records; they go to the ledger directly')
    isRefusing = true
  }

  /** Whoever may not be written down when he ends is not served. */
  async function probe(cause: unknown): Promise<void> {
    noteRefused(cause)
    await within(PROBE_TIMEOUT_MS, ping()).catch(() => {
      throw new GatewayError('ledger_unavailable', { cause })
    })
  }

  async function endWithout(outcome: Outcome, error: unknown): Promise<void> {
    noteRefused(error)
    await writeDirectly([outcome]).catch(() => strand(outcome))
  }

  async function writeDirectly(outcomes: Outcome[]): Promise<void> {
    await write(
      outcomes.map((outcome) => Buffer.from(JSON.stringify(outcome))),
      bootId,
    )
    for (const { requestId } of outcomes) journal.settle(requestId)
  }

  function strand(outcome: Outcome): void {
    if (stranded.length < MAX_STRANDED_ENDS) return void stranded.push(outcome)
    lost++
    log.error({ requestId: outcome.requestId }, 'a record is lost: neither journal nor ledger takes it')
  }

  /** Whichever is back first takes them; from both the ledger keeps one row. */
  async function retryStranded(): Promise<void> {
    while (stranded.length > 0) {
      const batch = stranded.splice(0, SHIP_BATCH_ROWS)
      try {
        await writeDirectly(batch)
      } catch {
        const taken = await Promise.all(batch.map(appendOrStrand))
        if (!taken.includes(true)) return
      }
    }
  }

  async function appendOrStrand(record: Outcome): Promise<boolean> {
    try {
      await journal.append({ kind: 'end', record })
      return true
    } catch (error) {
      noteRefused(error)
      strand(record)
      return false
    }
  }

  return { port, retryStranded, stats: () => ({ stranded: stranded.length, lost }) }
}

/** Makes the ledger's partitions ahead; a missing one is made by the writer too, so a failure here only costs time. */
export async function makePartitions(sql: Sql, now: number, log: Log): Promise<void> {
  await within(WRITE_TIMEOUT_MS, ensurePartitions(sql, new Date(now))).catch((error: unknown) =>
    log.warn({ err: error }, 'partitions could not be made ahead'),
  )
}
