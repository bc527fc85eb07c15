import { setTimeout as sleep } from 'node:timers/promises'
import type { Worker } from 'node:worker_threads'
import { afterAll } from 'vitest'

const LOOK_EVERY_MS = 50
const PATIENCE_MS = 5_000

/** What keeps a process alive and is opened by tests; the test runner's own channel is not among these. */
const HELD = new Set(['Timeout', 'TCPServerWrap', 'TCPSocketWrap', 'TLSWrap', 'UDPWrap', 'ProcessWrap'])

const workers = new Set<Worker>()
process.on('worker', (worker) => {
  workers.add(worker)
  worker.once('exit', () => workers.delete(worker))
})

const atStart = countHeld()

// Registered first, so it runs after everything the file itself does to clean up.
afterAll(async () => {
  for (let waitedMs = 0; leftBehind().length > 0; waitedMs += LOOK_EVERY_MS) {
    if (waitedMs >= PATIENCE_MS) throw new Error(`This file leaves behind: ${leftBehind().join(', ')}. Close it.`)
    await sleep(LOOK_EVERY_MS)
  }
})

function leftBehind(): string[] {
  return [...countHeld()].flatMap(([kind, count]) => {
    const extra = count - (atStart.get(kind) ?? 0)
    return extra > 0 ? [`${extra} × ${kind}`] : []
  })
}

function countHeld(): Map<string, number> {
  const counts = new Map([['Worker', workers.size]])
  for (const kind of process.getActiveResourcesInfo()) {
    if (HELD.has(kind)) counts.set(kind, (counts.get(kind) ?? 0) + 1)
  }
  return counts
}
