import { setTimeout as sleep } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { makeDataDir, postmasterPid } from '../support/data-dir.ts'
import { type Answer, askTogether, startLoad } from '../support/load.ts'
import { startTurnpike } from '../support/start-turnpike.ts'
import { waitFor } from '../support/wait-for.ts'
import { audit, expectNothingLeft } from './auditor.ts'

const KILLS = Number(process.env.SOAK_KILLS ?? 20)
const CONNECTIONS = 40
const MS_PER_KILL = 20_000
const ANSWERED_MS = 10_000

test(
  `${KILLS} × kill -9 under load: every whole answer is in the ledger once, no slot stays held, the next start mends everything`,
  async () => {
    await using dataDir = await makeDataDir()
    const answers: Answer[] = []
    const keys = new Set<string>()
    for (let kill = 0; kill < KILLS; kill++) {
      await using turnpike = await startTurnpike({ dataDir: dataDir.path })
      keys.add(turnpike.facts.apiKey)
      await using load = startLoad(turnpike, { connections: CONNECTIONS, sandbox: 'eventMs=3 firstByteMs=10' })
      // In the middle of the very first requests, or of those that follow one that was answered.
      if (kill % 4 > 0) await waitFor('a whole answer', () => load.answers.some(({ isWhole }) => isWhole), ANSWERED_MS)
      // A different moment each time; 7 shares nothing with the pace of the answers.
      await sleep(300 + ((kill * 7) % 50) * 10)
      const postmaster = await postmasterPid(dataDir.path)
      turnpike.signal('SIGKILL')
      if (kill % 2 === 1 && postmaster !== null) process.kill(postmaster, 'SIGKILL')
      await turnpike.exited
      answers.push(...(await load.stop()))
    }

    await using survivor = await startTurnpike({ dataDir: dataDir.path })
    keys.add(survivor.facts.apiKey)
    expect(keys.size).toBe(1)
    const together = await askTogether(survivor, 100, 'eventMs=5')
    expect(together.filter(({ isWhole, queueMs }) => !isWhole || queueMs > 0)).toEqual([])

    const ledger = await audit(survivor, [...answers, ...together])
    const whole = answers.filter(({ isWhole }) => isWhole)
    // The experiment would prove nothing if none had been answered before a kill, or none cut off by one.
    expect(whole.length).toBeGreaterThan(KILLS)
    expect([...ledger.values()].filter(({ outcome }) => outcome === 'unknown').length).toBeGreaterThan(0)
    expect(await survivor.stop()).toEqual({ code: 0, signal: null })
    await expectNothingLeft(dataDir.path)
  },
  KILLS * MS_PER_KILL + 300_000,
)
