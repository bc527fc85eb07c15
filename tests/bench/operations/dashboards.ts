import { readFile } from 'node:fs/promises'
import {
  opsDimensionStats,
  opsErrorDistribution,
  opsErrorsList,
  opsLatencyHistogram,
  opsMetricsHistory,
  opsOverview,
  opsRequestsList,
  opsSeries,
} from '@turnpike/core/inputs/ops'
import { DEFAULT_SETTINGS } from '@turnpike/core/inputs/settings'
import { usageList, usageSeries, usageSummary } from '@turnpike/core/inputs/usage'
import type { Sql } from 'postgres'
import { createErrors } from '../../../apps/server/src/features/ops/errors/errors.ts'
import { createOps } from '../../../apps/server/src/features/ops/ops.ts'
import { createRequests } from '../../../apps/server/src/features/ops/requests/requests.ts'
import { createUsage } from '../../../apps/server/src/features/usage/usage.ts'
import { requestCursor } from '../../../apps/server/src/shared/keyset.ts'
import type { Goal } from '../report.ts'
import { median } from '../statistics.ts'
import { DAY_MS, openScaledDatabase, type Scale, type ScaledDatabase, type ScaledOptions } from './scaled-database.ts'

export const FULL_SCALE: Scale = { ledgerRows: 10_000_000, days: 90 }
export const QUICK_SCALE: Scale = { ledgerRows: 300_000, days: 4 }

/** Promises.md, "Speed and cost": ms. */
const GOALS = { overview: 50, chart: 100, list: 50 }
const RANGES = ['1h', '6h', '24h', '7d', '30d'] as const
const ROUNDS = 7

interface Question {
  kind: keyof typeof GOALS
  name: string
  ask(): Promise<unknown>
}

/** What the panel asks, over a ledger of that size: the median of some rounds of each question, its first answer left out. */
export async function measureDashboards(scale: Scale, options: ScaledOptions): Promise<Goal[]> {
  await using scaled = await openScaledDatabase(scale, options)
  const { step } = options
  const goals: Goal[] = []
  for (const { kind, name, ask } of questionsOf(scaled, scale)) {
    step(`asking: ${name}`)
    const refused = await ask().then(
      () => null,
      (error: unknown) => String(error),
    )
    if (refused !== null) {
      goals.push({ goal: `${name}: ${refused}`, atMost: GOALS[kind], measured: Number.POSITIVE_INFINITY, isMet: false })
      continue
    }
    const took: number[] = []
    const cpuBefore = await databaseCpuMs(scaled.database.sql)
    for (let round = 0; round < ROUNDS; round++) {
      const startedAt = performance.now()
      await ask()
      took.push(performance.now() - startedAt)
    }
    const cpuMs = ((await databaseCpuMs(scaled.database.sql)) - cpuBefore) / ROUNDS
    const measured = median(took)
    goals.push({
      goal: `${name}, ms (the database's CPU: ${cpuMs.toFixed(1)} ms)`,
      atMost: GOALS[kind],
      measured,
      isMet: measured <= GOALS[kind],
    })
  }
  return goals
}

/** CPU time of the database's processes that serve us: the robust figure on a busy machine. */
async function databaseCpuMs(sql: Sql): Promise<number> {
  const rows = await sql<{ pid: number }[]>`select pid from pg_stat_activity where datname = current_database()`
  const times = rows.map(({ pid }) => readFile(`/proc/${pid}/schedstat`, 'utf8').catch(() => '0'))
  return (await Promise.all(times)).reduce((sum, text) => sum + Number(text.split(' ')[0]) / 1e6, 0)
}

/** One that was named in the day after that moment. */
async function someClientRequestId(sql: Sql, after: Date): Promise<string | undefined> {
  const [row] = await sql<{ id: string }[]>`
    select client_request_id as id from usage_logs
    where created_at >= ${after} and created_at < ${after}::timestamptz + interval '1 day' and client_request_id is not null
    order by created_at, request_id limit 1`
  return row?.id
}

function questionsOf({ database, nowMs }: ScaledDatabase, { days }: Scale): Question[] {
  const clock = { now: () => nowMs }
  const ops = createOps({ database, clock, settings: async () => DEFAULT_SETTINGS, databaseDir: null })
  const usage = createUsage({ sql: database.sql, clock })
  const errors = createErrors({ database, clock })
  const requests = createRequests({ ledger: usage, errors, clock })
  const ranges = RANGES.filter((range) => days > 30 || (range !== '30d' && range !== '7d'))
  const since = new Date(nowMs - (days - 1) * DAY_MS)
  const deep = new Date(nowMs - Math.floor(days * 0.8) * DAY_MS)
  const deepError = new Date(nowMs - Math.floor(Math.min(days, 30) * 0.8) * DAY_MS)
  return [...ranges.map((range) => overview(range)), ...ranges.flatMap((range) => charts(range)), ...lists()]

  function overview(range: (typeof RANGES)[number]): Question {
    return { kind: 'overview', name: `ops.overview ${range}`, ask: () => ops.overview(opsOverview.parse({ range })) }
  }

  function charts(range: (typeof RANGES)[number]): Question[] {
    const window = opsSeries.parse({ range })
    const from = new Date(nowMs - { '1h': 1 / 24, '6h': 1 / 4, '24h': 1, '7d': 7, '30d': 30 }[range] * DAY_MS)
    const chart = (name: string, ask: () => Promise<unknown>): Question => ({
      kind: 'chart',
      name: `${name} ${range}`,
      ask,
    })
    return [
      chart('ops.throughput', () => ops.throughput(window)),
      chart('ops.throughput of a model', () => ops.throughput({ ...window, model: 'model-1' })),
      chart('ops.errorTrend', () => ops.errorTrend(window)),
      chart('ops.latencyHistogram', () => ops.latencyHistogram(opsLatencyHistogram.parse({ range }))),
      chart('ops.errorDistribution', () => ops.errorDistribution(opsErrorDistribution.parse({ range }))),
      chart('ops.dimensionStats by model', () =>
        ops.dimensionStats(opsDimensionStats.parse({ range, groupBy: 'model' })),
      ),
      chart('ops.dimensionStats by user', () =>
        ops.dimensionStats(opsDimensionStats.parse({ range, groupBy: 'user' })),
      ),
      chart('ops.providers', () => ops.providers(window)),
      chart('ops.accounts', () => ops.accounts(window)),
      chart('ops.metricsHistory', () => ops.metricsHistory(opsMetricsHistory.parse({ range, limit: 1_000 }))),
      chart('usage.summary by user', () =>
        usage.summary(usageSummary.parse({ from: from.toISOString(), groupBy: 'user' })),
      ),
      chart('usage.series by model', () =>
        usage.series(usageSeries.parse({ from: from.toISOString(), groupBy: 'model' })),
      ),
    ]
  }

  function lists(): Question[] {
    const ledger = [
      ['all', {}],
      ['of a user', { userId: 17 }],
      ['of a model', { model: 'model-1' }],
      ['of an outcome', { outcome: 'exhausted' }],
      ['of a user and a model', { userId: 17, model: 'model-4' }],
    ] as const
    const clientRequestId = someClientRequestId(database.sql, deep)
    const list = (name: string, ask: () => Promise<unknown>): Question => ({ kind: 'list', name, ask })
    return [
      ...ledger.flatMap(([name, filters]) => [
        list(`usage.list ${name}, first page`, () => usage.list(usageList.parse({ ...filters }))),
        list(`usage.list ${name}, deep`, async () =>
          usage.list(usageList.parse({ ...filters, from: since.toISOString(), cursor: placeAt(deep) })),
        ),
        list(`ops.requests.list ${name}, first page`, () => requests.list(opsRequestsList.parse({ ...filters }))),
        list(`ops.requests.list ${name}, deep`, async () =>
          requests.list(opsRequestsList.parse({ ...filters, from: since.toISOString(), cursor: cursorAt(deep) })),
        ),
      ]),
      ...[
        { code: 'upstream_failed' },
        // What nobody ever saw: all of the window would have to be read for it.
        { code: 'internal_error' },
        { status: 418 },
        { endpoint: '/v1/moderations' },
        { model: 'model-none' },
        { userId: 17, status: 418 },
        { clientRequestId: 'call-none' },
      ].map((filters) =>
        list(`ops.requests.list ${JSON.stringify(filters)}, deep`, () =>
          requests.list(opsRequestsList.parse({ ...filters, from: since.toISOString(), cursor: cursorAt(deep) })),
        ),
      ),
      list('ops.requests.list of a client’s request id', async () =>
        requests.list(opsRequestsList.parse({ clientRequestId: await clientRequestId, from: since.toISOString() })),
      ),
      ...[
        {},
        { userId: 17 },
        { code: 'queue_full' },
        { owner: 'provider' },
        { severity: 'P1' },
        { resolved: false },
        { resolved: true },
        { severity: 'P0' },
        { source: 'server' },
        { status: 418 },
        { model: 'model-none' },
        { keyId: 501 },
      ].flatMap((filters) => [
        list(`ops.errors.list ${JSON.stringify(filters)}, first page`, () => errors.list(opsErrorsList.parse(filters))),
        list(`ops.errors.list ${JSON.stringify(filters)}, deep`, () =>
          errors.list(
            opsErrorsList.parse({ ...filters, from: since.toISOString(), cursor: `${deepError.getTime()}.1` }),
          ),
        ),
      ]),
    ]
  }

  function cursorAt(moment: Date): string {
    return requestCursor({ createdAt: moment.toISOString(), requestId: placeAt(moment) })
  }

  /** A request id of that moment is a place in the ledger, whether or not a request has it. */
  function placeAt(moment: Date): string {
    const time = moment.getTime().toString(16).padStart(12, '0')
    return `${time.slice(0, 8)}-${time.slice(8)}-7000-8000-000000000000`
  }
}
