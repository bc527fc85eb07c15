import { setTimeout as sleep } from 'node:timers/promises'
import { Agent } from 'undici'
import { type Answer, ask } from '../support/load.ts'
import type { Turnpike } from '../support/start-turnpike.ts'

export interface Caller {
  key: string
  /** What the upstream counts him by. */
  label: string
}

interface CallersOptions {
  instances: readonly Turnpike[]
  callers: readonly Caller[]
}

export interface RunningCallers extends AsyncDisposable {
  answers: Answer[]
  stop(): Promise<Answer[]>
}

const PAUSE_AFTER_REFUSAL_MS = 100

/** All at once, each so many requests one after another, going round the instances. */
export async function callTogether({ instances, callers }: CallersOptions, requestsEach: number): Promise<Answer[]> {
  await using agent = agentFor(callers)
  const answers = await Promise.all(
    callers.map(async (caller, index) => {
      const own: Answer[] = []
      for (let n = 0; n < requestsEach; n++) own.push(await call(instances, index + n, caller, agent))
      return own
    }),
  )
  return answers.flat()
}

/** Each caller on the instance that is his, one request after another, until they are stopped; labels name the instance. */
export function keepCalling({ instances, callers }: CallersOptions): RunningCallers {
  const agent = agentFor(callers)
  const answers: Answer[] = []
  let isStopped = false

  async function run(caller: Caller, index: number): Promise<void> {
    const at = index % instances.length
    while (!isStopped) {
      const answer = await call(instances, at, { ...caller, label: `${caller.label}-${at}` }, agent)
      answers.push(answer)
      if (answer.status !== 200) await sleep(PAUSE_AFTER_REFUSAL_MS)
    }
  }

  const running = callers.map(run)
  async function stop(): Promise<Answer[]> {
    if (isStopped) return answers
    isStopped = true
    await Promise.all(running)
    await agent.close()
    return answers
  }
  return {
    answers,
    stop,
    async [Symbol.asyncDispose]() {
      await stop()
    },
  }
}

function call(instances: readonly Turnpike[], turn: number, { key, label }: Caller, agent: Agent): Promise<Answer> {
  const instance = instances[turn % instances.length]
  if (instance === undefined) throw new Error('callers need an instance')
  return ask(instance, 'json', { key, sandbox: `label=${label}`, agent })
}

function agentFor(callers: readonly Caller[]) {
  const agent = new Agent({ connections: callers.length + 10, pipelining: 1 })
  return Object.assign(agent, { [Symbol.asyncDispose]: () => agent.close() })
}
