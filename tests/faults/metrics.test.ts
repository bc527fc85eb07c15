import { expect, test } from 'vitest'
import { signIn } from '../support/admin.ts'
import { makeDataDir } from '../support/data-dir.ts'
import { ask } from '../support/load.ts'
import { startTurnpike } from '../support/start-turnpike.ts'
import { waitFor } from '../support/wait-for.ts'

/** Ten seconds until a bucket is over, and as many for a busy machine. */
const COUNTED_MS = 30_000
/** A minute until the next roll-up, which counts what a killed instance could not. */
const RECOVERED_MS = 120_000

test('every request is counted once: whole, failed, refused, and those a kill -9 cut off from being counted', async () => {
  await using dataDir = await makeDataDir()
  const counts = { answered: 0, failed: 0 }
  {
    await using turnpike = await startTurnpike({ dataDir: dataDir.path })
    const owner = await signIn(turnpike)
    for (let at = 0; at < 6; at++) expect((await ask(turnpike, 'stream')).status).toBe(200)
    const failed = await ask(turnpike, 'json', { sandbox: 'status=400' })
    expect(failed.status).toBe(400)
    expect((await ask(turnpike, 'json', { key: 'tp-nobody-knows-this-key' })).status).toBe(401)
    counts.answered += 6
    counts.failed += 1
    const overview = await waitFor(
      'the requests to be counted',
      async () => {
        const found = await owner.ops.overview.query({ range: '5m' })
        return found.requests.total === 8 && found
      },
      COUNTED_MS,
    )
    expect(overview).toMatchObject({
      requests: { total: 8, success: 6, errors: 0, client: 2, business: 0, clientClosed: 0 },
      health: { state: 'ok' },
      errors: { http4xx: 2, http5xx: 0 },
      latency: { count: 7 },
      system: { postgres: 'ok', redis: 'none', jobs: 'ok' },
      incomplete: [],
    })
    expect(overview.resources).toEqual([expect.objectContaining({ openSockets: expect.any(Number) })])
    const { items } = await waitFor(
      'the errors',
      async () => {
        const page = await owner.ops.errors.list.query()
        return page.total === 2 && page
      },
      COUNTED_MS,
    )
    expect(items.map(({ code, phase, owner: whose, severity }) => [code, phase, whose, severity]).toSorted()).toEqual([
      ['invalid_api_key', 'auth', 'client', 'P3'],
      ['rejected_upstream', 'response', 'client', 'P3'],
    ])
    for (let at = 0; at < 5; at++) expect((await ask(turnpike, 'json')).status).toBe(200)
    counts.answered += 5
    turnpike.signal('SIGKILL')
    await turnpike.exited
  }
  await using turnpike = await startTurnpike({ dataDir: dataDir.path })
  const owner = await signIn(turnpike)
  expect((await ask(turnpike, 'json')).status).toBe(200)
  counts.answered += 1
  const overview = await waitFor(
    'what the killed instance had not written',
    async () => {
      const found = await owner.ops.overview.query({ range: '30m' })
      return found.requests.success === counts.answered && found
    },
    RECOVERED_MS,
  )
  const ledger = await waitFor(
    'the ledger to have them',
    async () => {
      const found = await owner.usage.summary.query()
      return found.total.requests >= counts.answered + counts.failed && found
    },
    COUNTED_MS,
  )
  expect(ledger.total.requests).toBe(counts.answered + counts.failed)
  // One refusal reached no upstream: it is no row of the ledger.
  expect(overview.requests.total).toBe(ledger.total.requests + 1)
  expect(overview.tokens.output).toBe(ledger.total.outputTokens)
  expect(overview.costNano).toBe(ledger.total.costNano ?? '0')
  expect(overview.incomplete).toHaveLength(1)
}, 300_000)
