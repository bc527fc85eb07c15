import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { expect } from 'vitest'
import { signIn } from '../support/admin.ts'
import { embeddedUrl } from '../support/data-dir.ts'
import { readLedger } from '../support/ledger.ts'
import type { Answer } from '../support/load.ts'
import type { Turnpike } from '../support/start-turnpike.ts'
import { waitFor } from '../support/wait-for.ts'

const SETTLED_MS = 60_000
/** Messages that only a fault of ours writes. */
const NEVER_LOGGED = /slot_leak|is lost|our own fault|refused a record for good|periodic task failed/

export interface AuditOptions {
  /** Of an external database; default: the embedded one. */
  databaseUrl?: string
}

/**
 * The standing invariants, after an experiment, while nobody asks: every request that began has ended or was reaped and
 * is in the ledger once, what a caller saw whole is there as completed, no slot is held, nothing was lost.
 */
export async function audit(turnpike: Turnpike, answers: Answer[], { databaseUrl }: AuditOptions = {}) {
  await waitFor('dead journals to be adopted', async () => (await journals(turnpike.dataDir)).length === 1, SETTLED_MS)
  const url = databaseUrl ?? (await embeddedUrl(turnpike.dataDir))
  await waitFor(
    'the ledger to have every answer',
    async () => missing(answers, await readLedger(url)).length === 0,
    SETTLED_MS,
  )
    // Says which, better than that it waited.
    .catch(async () => expect(missing(answers, await readLedger(url))).toEqual([]))
  const ledger = await readLedger(url)
  expect([...ledger.values()].filter(({ rows }) => rows !== 1)).toEqual([])
  expect(answers.filter((answer) => answer.isWhole && rowOf(ledger, answer)?.outcome !== 'completed')).toEqual([])
  await expectIdle(turnpike)
  const faults = (await turnpike.log()).filter(({ msg }) => NEVER_LOGGED.test(msg))
  expect(faults).toEqual([])
  return ledger
}

/** Every start has its end in the ledger: then, and only then, a journal is removed. */
export async function expectNothingLeft(dataDir: string): Promise<void> {
  expect(await journals(dataDir)).toEqual([])
}

/** Live account slots = live upstream calls: none. */
export async function expectIdle(turnpike: Turnpike): Promise<void> {
  const admin = await signIn(turnpike)
  try {
    await expect
      .poll(async () => {
        const { items } = await admin.accounts.list.query()
        return items.flatMap(({ name, inFlight, waiting }) => (inFlight + waiting > 0 ? [name] : []))
      })
      .toEqual([])
  } finally {
    await admin.$connection.close()
  }
}

function missing(answers: Answer[], ledger: Awaited<ReturnType<typeof readLedger>>): Answer[] {
  // A stream that has begun has reached an upstream, however it ended.
  const began = answers.filter(({ status, isWhole, kind }) => isWhole || (status === 200 && kind !== 'json'))
  return began.filter((answer) => rowOf(ledger, answer) === undefined)
}

function rowOf(ledger: Awaited<ReturnType<typeof readLedger>>, { requestId }: Answer) {
  return ledger.get(requestId ?? '')
}

/** A kill may tear the line it interrupts, which nobody was told of: that journal is set aside, not left over. */
async function journals(dataDir: string): Promise<string[]> {
  return (await readdir(join(dataDir, 'journal'))).filter((name) => name !== 'damaged')
}
