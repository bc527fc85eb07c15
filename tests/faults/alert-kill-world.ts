import { type ChildProcess, spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { fileURLToPath } from 'node:url'
import { newSigningSecret, sealChannelSecret } from '../../apps/server/src/features/alerts/channels/channel-secret.ts'
import { startReceiver } from '../../apps/server/src/features/alerts/delivery/__fixtures__/receiver.ts'
import { LOCK_MS } from '../../apps/server/src/features/alerts/delivery/claim.ts'
import { createSecretBox } from '../../apps/server/src/shared/secret-box.ts'
import { alertWorld } from '../../apps/server/src/testing/alert-world.ts'
import { superviseTurnpike, type TurnpikeProcess } from '../support/start-turnpike.ts'
import { waitFor } from '../support/wait-for.ts'
import { type AlertStep, hold, prepare } from './alert-steps.ts'

const PROGRAM = fileURLToPath(new URL('alerting-process.ts', import.meta.url))
const FAILED = { outcome: 'failed', status: 502, errorCode: 'upstream_failed' } as const
/** For what hangs: each wait is for something that takes a second. */
export const PATIENCE_MS = 120_000

/** A process that evaluates and sends; `name` is what the database calls it. */
export interface Alerting {
  name: string
  child: ChildProcess
  process: TurnpikeProcess
}

/** Alerting as processes that follow each other on one database, one rule, and the receiver they tell. */
export async function alertKillWorld(step: AlertStep) {
  const stack = new AsyncDisposableStack()
  const world = stack.use(await alertWorld())
  const { sql } = world
  let isAnswering = true
  const receiver = stack.use(
    await startReceiver(() => (step.stop === 'receiver' && !isAnswering ? 'silence' : { status: 204 })),
  )
  const secretKey = randomBytes(32)
  const [channel] = await sql<{ id: number }[]>`
    update alert_channels set type = 'webhook', hourly_limit = 10000,
      config = ${sql.json({ url: receiver.url, template: 'generic' })} returning id`
  if (channel === undefined) throw new Error('the world has no channel')
  const sealed = sealChannelSecret(createSecretBox(secretKey), channel.id, newSigningSecret())
  await sql`update alert_channels set secret_sealed = ${sealed}`
  await world.rule({
    name: 'Errors',
    metric: 'error_rate',
    operator: '>',
    threshold: 50,
    windowMinutes: 1,
    forMinutes: 0,
    keepFiringMinutes: 0,
    minSamples: 1,
    repeatMinutes: 0,
  })
  await prepare(sql, step)
  let started = 0

  /** The next one. By its clock, what the one before held is over. */
  function start(): Alerting {
    const name = `alerting-${started}`
    const args = [world.fresh.url, secretKey.toString('base64'), `${started * (LOCK_MS + 1_000)}`, name]
    started += 1
    const child = spawn(process.execPath, [PROGRAM, ...args], { stdio: ['pipe', 'ignore', 'pipe'] })
    // It may be killed while it is written to.
    child.stdin.on('error', () => {})
    return { name, child, process: stack.use(superviseTurnpike(child)) }
  }

  function evaluate({ child }: Alerting, minute: number): void {
    child.stdin?.write(`${world.atMs(minute) + 15_000}\n`)
  }

  function backends({ name }: Alerting): Promise<{ pid: number; isHeld: boolean }[]> {
    return sql<{ pid: number; isHeld: boolean }[]>`
      select pid, coalesce(wait_event in ('advisory', 'relation'), false) as "isHeld" from pg_stat_activity
      where datname = current_database() and application_name = ${name}`
  }

  /** Evaluates as far as the step, and kills there. Messages that had arrived by then. */
  async function killAtStep(victim: Alerting, minute: number): Promise<number> {
    const before = receiver.received.length
    const isAtStep = async () =>
      step.stop === 'receiver'
        ? receiver.received.length > before
        : (await backends(victim)).some(({ isHeld }) => isHeld)
    isAnswering = false
    const letGo = await hold(sql, step)
    evaluate(victim, minute)
    await waitFor(`a process to come to "${step.name}"`, isAtStep, PATIENCE_MS)
    victim.process.signal('SIGKILL')
    await victim.process.exited
    const arrived = receiver.received.length - before
    if (step.isUndone) {
      for (const { pid } of await backends(victim)) await sql`select pg_terminate_backend(${pid})`
    }
    await letGo()
    await waitFor('the database to notice', async () => (await backends(victim)).length === 0, PATIENCE_MS)
    isAnswering = true
    return arrived
  }

  return {
    start,
    evaluate,
    killAtStep,
    received: receiver.received,
    events: world.events,
    /** Each minute has one message: that an episode begins, or that it ends. */
    write: (minute: number) => world.minute(minute, [minute % 2 === 0 ? FAILED : {}]),
    /** So many messages, once none of them is left to be sent. */
    messages: (count: number) =>
      waitFor(
        `${count} messages to be sent`,
        async () => {
          const rows = await sql<{ id: string; kind: string; status: string }[]>`
            select message_id as id, kind, status from alert_deliveries d order by d.id`
          return rows.length >= count && rows.every(({ status }) => !['pending', 'sending'].includes(status)) && rows
        },
        PATIENCE_MS,
      ),
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  }
}
