import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'
import { startReceiver } from '../../apps/server/src/features/alerts/delivery/__fixtures__/receiver.ts'
import { makeDataDir } from '../support/data-dir.ts'
import { findOnPath } from '../support/find-program.ts'
import { freePort } from '../support/redis-server.ts'
import { waitFor } from '../support/wait-for.ts'

/** Null where this machine has none: tests that need it are skipped by name. */
export const alertmanagerProgram = findOnPath(['prometheus-alertmanager', 'alertmanager']) ?? null

/** How alerts of one name are grouped and repeated. Seconds. */
export interface Route {
  groupWait: number
  groupInterval: number
  repeatInterval: number
}

export interface Alertmanager extends AsyncDisposable {
  fire(name: string): Promise<void>
  /** What fires under this name is over. */
  end(name: string): Promise<void>
  /** What the receiver was told of the name so far, oldest first. */
  told(name: string): { status: 'firing' | 'resolved'; atMs: number }[]
}

const Notification = z.object({
  status: z.enum(['firing', 'resolved']),
  groupLabels: z.object({ alertname: z.string() }),
})
/** For what hangs. */
const PATIENCE_MS = 60_000

/** Alertmanager on free ports, with a receiver of its webhooks; one route for each name of an alert. */
export async function startAlertmanager(routes: Record<string, Route>): Promise<Alertmanager> {
  await using opened = new AsyncDisposableStack()
  const dir = opened.use(await makeDataDir())
  const arrivals: number[] = []
  const receiver = opened.use(
    await startReceiver(() => {
      arrivals.push(performance.now())
      return { status: 200 }
    }),
  )
  const config = join(dir.path, 'alertmanager.yml')
  // JSON is YAML.
  await writeFile(config, JSON.stringify(configOf(routes, receiver.url)))
  const port = await freePort()
  const origin = `http://127.0.0.1:${port}`
  const child = spawn(
    alertmanagerProgram ?? 'alertmanager',
    [
      `--config.file=${config}`,
      `--storage.path=${dir.path}`,
      `--web.listen-address=127.0.0.1:${port}`,
      '--cluster.listen-address=',
    ],
    { stdio: 'ignore' },
  )
  const gone = once(child, 'exit')
  opened.defer(async () => {
    child.kill('SIGKILL')
    await gone
  })
  const isReady = async () => (await fetch(`${origin}/-/ready`).catch(() => null))?.ok
  await waitFor('Alertmanager to be ready', isReady, PATIENCE_MS)

  const begun = new Map<string, string>()
  async function post(name: string, times: { startsAt: string; endsAt?: string }): Promise<void> {
    const response = await fetch(`${origin}/api/v2/alerts`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify([{ labels: { alertname: name }, ...times }]),
    })
    if (!response.ok) throw new Error(`Alertmanager refused an alert: ${await response.text()}`)
  }

  const stack = opened.move()
  return {
    async fire(name) {
      const startsAt = new Date().toISOString()
      begun.set(name, startsAt)
      await post(name, { startsAt })
    },
    async end(name) {
      const startsAt = begun.get(name) ?? ''
      await post(name, { startsAt, endsAt: new Date().toISOString() })
    },
    told: (name) =>
      receiver.received
        .map(({ body }, nth) => ({ ...Notification.parse(JSON.parse(body)), atMs: arrivals[nth] ?? 0 }))
        .filter(({ groupLabels }) => groupLabels.alertname === name),
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  }
}

function configOf(routes: Record<string, Route>, url: string) {
  return {
    // Nothing ends because nobody spoke of it again.
    global: { resolve_timeout: '1h' },
    receivers: [{ name: 'receiver', webhook_configs: [{ url, send_resolved: true }] }],
    route: {
      receiver: 'receiver',
      group_by: ['alertname'],
      routes: Object.entries(routes).map(([name, { groupWait, groupInterval, repeatInterval }]) => ({
        matchers: [`alertname="${name}"`],
        group_wait: `${groupWait}s`,
        group_interval: `${groupInterval}s`,
        repeat_interval: `${repeatInterval}s`,
      })),
    },
  }
}
