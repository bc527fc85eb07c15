import { Agent } from 'undici'
import { describe, expect, test } from 'vitest'
import { type Answer, ask } from '../support/load.ts'
import { redisProgram, startRedisServer } from '../support/redis-server.ts'
import type { Turnpike } from '../support/start-turnpike.ts'
import { waitFor } from '../support/wait-for.ts'
import { startCountingUpstream } from './counting-upstream.ts'
import { startInstances } from './instances.ts'

const ROLLS = Number(process.env.SOAK_ROLLS ?? 3)
const CALLERS = 20
const HOLD_MS = 50
const MS_PER_ROLL = 30_000

describe.skipIf(redisProgram === null)('two instances behind a balancer', () => {
  test(
    `are replaced one after the other ${ROLLS} times under load, and no caller notices`,
    async () => {
      await using upstream = await startCountingUpstream({ holdMs: HOLD_MS })
      await using redis = await startRedisServer()
      await using instances = await startInstances({ count: 2, redisUrl: redis.url })
      const { key } = await instances.plant({ user: { concurrency: 10 }, accounts: [{ baseUrl: upstream.baseUrl }] })
      let serving: Turnpike[] = [...instances.all]
      const answers: Answer[] = []
      let isStopped = false
      await using stack = new AsyncDisposableStack()
      const agent = stack.adopt(new Agent({ pipelining: 1 }), (open) => open.close())

      /** As balancers do: who says that he is leaving, or is gone, is asked no more, and somebody else instead. */
      async function balanced(turn: number): Promise<Answer> {
        for (;;) {
          const instance = serving[turn % serving.length]
          if (instance === undefined) throw new Error('nobody serves')
          const answer = await ask(instance, 'json', { key, agent })
          if (answer.code !== 'overloaded' && !answer.isRefused) return answer
          serving = serving.filter((each) => each !== instance)
        }
      }

      async function caller(index: number): Promise<void> {
        for (let turn = index; !isStopped; turn++) answers.push(await balanced(turn))
      }

      const callers = Array.from({ length: CALLERS }, (_, index) => caller(index))
      await waitFor('the first answers', () => answers.length > CALLERS, 10_000)
      for (let roll = 0; roll < ROLLS; roll++) {
        const [leaving, staying] = serving
        if (leaving === undefined || staying === undefined) throw new Error('there are two')
        leaving.signal('SIGTERM')
        expect(await leaving.exited).toEqual({ code: 0, signal: null })
        const next = await instances.start({ dataDir: leaving.dataDir })
        serving = [staying, next]
      }
      isStopped = true
      await Promise.all(callers)
      expect(answers.filter(({ isWhole }) => !isWhole).slice(0, 3)).toEqual([])
      expect(answers.length).toBeGreaterThan(ROLLS * CALLERS)
    },
    ROLLS * MS_PER_ROLL + 300_000,
  )
})
