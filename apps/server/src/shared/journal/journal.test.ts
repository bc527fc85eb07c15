import { readdirSync } from 'node:fs'
import { expect, test } from 'vitest'
import { end, leaveDirectory, makeLedger, makeLog, makeTempDir, start } from './__fixtures__/journal-world.ts'
import { openJournal } from './journal.ts'

function open(root: string, ledger: ReturnType<typeof makeLedger>, bootId = 'boot', log = makeLog()) {
  return openJournal({ root, bootId, maxBytes: 64 * 1024 * 1024, write: ledger.write, now: Date.now, log })
}

test('a request goes from the journal to the ledger and leaves nothing behind', async () => {
  using dir = makeTempDir()
  const ledger = makeLedger()
  const journal = await open(dir.path, ledger)
  await journal.append(start('r1'))
  await journal.append(end('r1'))
  await journal.close()
  expect(ledger.ids()).toEqual(['r1'])
  expect(readdirSync(dir.path)).toEqual([])
})

test('what the ledger does not take at the end waits for the next process', async () => {
  using dir = makeTempDir()
  const ledger = makeLedger()
  ledger.check = () => {
    throw new Error('the ledger is away')
  }
  const log = makeLog()
  const journal = await open(dir.path, ledger, 'first', log)
  await journal.append(end('r1'))
  expect(await journal.flush()).toBe(false)
  expect(journal.stats().stuckSinceMs).not.toBeNull()
  await journal.close()
  expect(readdirSync(dir.path)).toEqual(['first'])
  expect(log.messages).toEqual(['the ledger does not take records; they wait in the journal'])

  ledger.check = () => {}
  const next = await open(dir.path, ledger, 'next')
  expect(await next.flush()).toBe(true)
  expect(ledger.outcomes()).toEqual({ r1: 'completed' })
  expect(next.stats().adopted).toEqual({ directories: 1, rows: 1, unknown: 0, damagedLines: 0, waitingBytes: 0 })
  await next.close()
  expect(readdirSync(dir.path)).toEqual([])
})

test('two processes that start at once share the dead ones between them', async () => {
  using dir = makeTempDir()
  for (let index = 0; index < 10; index++) leaveDirectory(dir.path, `dead-${index}`, [[end(`r${index}`)]])
  const ledger = makeLedger()
  const journals = await Promise.all(['a', 'b'].map((bootId) => open(dir.path, ledger, bootId)))
  expect(await Promise.all(journals.map((journal) => journal.flush()))).toEqual([true, true])
  expect(ledger.rows.size).toBe(10)
  expect(new Set(ledger.given.values())).toEqual(new Set([1]))
  await Promise.all(journals.map((journal) => journal.close()))
  expect(readdirSync(dir.path)).toEqual([])
})

test('a dead directory that cannot be adopted does not hold up the others, nor what is written now', async () => {
  using dir = makeTempDir()
  leaveDirectory(dir.path, 'a-bad', [[end('poison')]])
  leaveDirectory(dir.path, 'b-good', [[end('r1')]])
  const ledger = makeLedger()
  ledger.check = (batch) => {
    if (batch.some((json) => json.includes('poison'))) throw new Error('unreadable')
  }
  const journal = await open(dir.path, ledger)
  await journal.append(end('r2'))
  expect(await journal.flush()).toBe(false)
  expect(ledger.ids().toSorted()).toEqual(['r1', 'r2'])
  expect(journal.stats()).toMatchObject({ stuckSinceMs: null, adopted: { directories: 1 } })
  await journal.close()
  expect(readdirSync(dir.path)).toEqual(['a-bad'])
})

test('adopting again what was half adopted gives every request one row', async () => {
  using dir = makeTempDir()
  leaveDirectory(dir.path, 'dead', [[start('r1'), end('r1')], [start('r2')]])
  const ledger = makeLedger()
  ledger.check = (batch) => {
    if (batch.some((json) => json.includes('"unknown"'))) throw new Error('the ledger is away')
  }
  const journal = await open(dir.path, ledger)
  await journal.flush()
  await journal.close()
  ledger.check = () => {}
  const next = await open(dir.path, ledger, 'next')
  expect(await next.flush()).toBe(true)
  await next.close()
  expect(ledger.outcomes()).toEqual({ r1: 'completed', r2: 'unknown' })
})
