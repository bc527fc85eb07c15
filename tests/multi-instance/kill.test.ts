import { describe, expect, test } from 'vitest'
import { readLedger } from '../support/ledger.ts'
import { ask } from '../support/load.ts'
import { redisProgram, startRedisServer } from '../support/redis-server.ts'
import { waitFor } from '../support/wait-for.ts'
import { startCountingUpstream } from './counting-upstream.ts'
import { startInstances } from './instances.ts'

const CONCURRENCY = 5
/** gateway.md, "Coordination": the heartbeat's life; then the look of whoever waits. */
const FREED_MS = 16_000
/** The same where the machine is busy. */
const SLOWLY_FREED_MS = 40_000

describe.skipIf(redisProgram === null)('one of three is killed', () => {
  test('its slots are free within 15 s, and its next start writes what it was doing', async () => {
    await using upstream = await startCountingUpstream({ holdMs: null })
    await using redis = await startRedisServer()
    await using instances = await startInstances({ count: 3, redisUrl: redis.url })
    const { key } = await instances.plant({
      user: { concurrency: CONCURRENCY },
      accounts: [{ baseUrl: upstream.baseUrl, concurrency: CONCURRENCY }],
    })
    const [victim, other] = instances.all
    if (victim === undefined || other === undefined) throw new Error('there are three')
    const lost = Array.from({ length: CONCURRENCY }, () => ask(victim, 'json', { key, sandbox: 'label=lost' }))
    await waitFor('all slots to be taken', () => upstream.inFlight('lost') === CONCURRENCY, 10_000)
    victim.signal('SIGKILL')
    const killedAt = performance.now()
    const waiting = Array.from({ length: CONCURRENCY }, () => ask(other, 'json', { key, sandbox: 'label=next' }))
    await waitFor('its slots to be free', () => upstream.inFlight('next') === CONCURRENCY, FREED_MS)
    expect(performance.now() - killedAt).toBeLessThan(SLOWLY_FREED_MS)
    upstream.release()
    expect((await Promise.all(waiting)).map(({ status }) => status)).toEqual(Array(CONCURRENCY).fill(200))
    expect((await Promise.all(lost)).map(({ status }) => status)).toEqual(Array(CONCURRENCY).fill(null))

    await victim.exited
    await instances.start({ dataDir: victim.dataDir })
    const rows = await waitFor(
      'the rows of what was cut off',
      async () => {
        const ledger = [...(await readLedger(instances.database.url)).values()]
        return ledger.length === 2 * CONCURRENCY && ledger
      },
      30_000,
    )
    expect(rows.filter(({ outcome }) => outcome === 'unknown')).toHaveLength(CONCURRENCY)
    expect(rows.filter(({ outcome }) => outcome === 'completed')).toHaveLength(CONCURRENCY)
  }, 300_000)
})
