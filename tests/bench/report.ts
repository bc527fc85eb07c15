import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { AlertEvaluation } from './alert-rules.ts'
import type { CaseName, CaseResult } from './cases.ts'
import type { HandOver } from './hand-over.ts'
import type { Sample } from './measure.ts'
import type { TargetName } from './stage.ts'
import { median } from './statistics.ts'
import { EVENTS } from './upstream/canned-answers.ts'

/** Medians over the rounds; ratios are those of the same round to `bare`. */
export interface Row {
  case: CaseName
  target: TargetName
  cpuMicros: number | null
  mainMicros: number | null
  databaseMicros: number | null
  cpuToBare: number | null
  perSecond: number | null
  p50Ms: number | null
  p99Ms: number | null
  firstP50Ms: number | null
  addedP50Ms: number | null
  addedP99Ms: number | null
  addedFirstP50Ms: number | null
  eventMicros: number | null
  idleKilobytes: number | null
  failed: number
}

export function rowsOf(results: CaseResult[]): Row[] {
  return results.flatMap((result) => (result.name === 'idle' ? idleRows(result) : sampledRows(result)))
}

function sampledRows({ name, samples }: CaseResult): Row[] {
  const bare = samples.get('bare') ?? []
  const direct = samples.get('direct') ?? []
  return [...samples].map(([target, own]) => {
    const of = (value: (sample: Sample) => number) => median(own.map(value))
    const over = (value: (sample: Sample) => number) =>
      target === 'direct' || direct.length === 0
        ? null
        : median(pairs(own, direct, (sample, base) => value(sample) - value(base)))
    const isMeasured = target !== 'direct'
    const cpuMicros = isMeasured ? of((sample) => sample.cpuMicros) : null
    return {
      ...EMPTY,
      case: name,
      target,
      cpuMicros,
      mainMicros: isMeasured && target !== 'nginx' ? of((sample) => sample.mainMicros) : null,
      databaseMicros:
        target !== 'bare' && isMeasured && target !== 'nginx' ? of((sample) => sample.databaseMicros) : null,
      cpuToBare: isMeasured ? median(pairs(own, bare, (sample, base) => sample.cpuMicros / base.cpuMicros)) : null,
      perSecond: of((sample) => sample.perSecond),
      p50Ms: of((sample) => sample.total.p50Ms),
      p99Ms: of((sample) => sample.total.p99Ms),
      firstP50Ms: of((sample) => sample.first.p50Ms),
      addedP50Ms: over((sample) => sample.total.p50Ms),
      addedP99Ms: over((sample) => sample.total.p99Ms),
      addedFirstP50Ms: over((sample) => sample.first.p50Ms),
      eventMicros: name === 'stream' && cpuMicros !== null ? cpuMicros / EVENTS : null,
      failed: own.reduce((sum, { failed }) => sum + failed, 0),
    }
  })
}

function idleRows({ name, idleBytes }: CaseResult): Row[] {
  return [...idleBytes]
    .filter(([target]) => target !== 'direct')
    .map(([target, bytes]) => ({ ...EMPTY, case: name, target, idleKilobytes: bytes / 1024 }))
}

const EMPTY: Row = {
  case: 'idle',
  target: 'direct',
  cpuMicros: null,
  mainMicros: null,
  databaseMicros: null,
  cpuToBare: null,
  perSecond: null,
  p50Ms: null,
  p99Ms: null,
  firstP50Ms: null,
  addedP50Ms: null,
  addedP99Ms: null,
  addedFirstP50Ms: null,
  eventMicros: null,
  idleKilobytes: null,
  failed: 0,
}

function pairs(own: Sample[], base: Sample[], value: (own: Sample, base: Sample) => number): number[] {
  return own.flatMap((sample, round) => {
    const other = base[round]
    return other === undefined ? [] : [value(sample, other)]
  })
}

const TITLES: Record<CaseName, string> = {
  idle: 'Streams that have begun and fallen silent',
  json: 'JSON, 1 KB answer, 32 connections',
  json40: 'JSON, 40 KB request, 32 connections',
  stream: 'SSE, 50 events at 5 ms, 100 streams',
  redis: 'JSON, limits shared through Redis',
  keys: 'JSON, callers with few keys and with many',
  accounts: 'JSON, groups of few accounts and of many',
  latency: 'JSON, 500 requests a second, open loop',
}

const COLUMNS: [title: string, digits: number, value: (row: Row) => number | null][] = [
  ['CPU µs', 1, (row) => row.cpuMicros],
  ['× bare', 2, (row) => row.cpuToBare],
  ['main µs', 1, (row) => row.mainMicros],
  ['database µs', 1, (row) => row.databaseMicros],
  ['µs/event', 2, (row) => row.eventMicros],
  ['per s', 0, (row) => row.perSecond],
  ['p50 ms', 2, (row) => row.p50Ms],
  ['p99 ms', 2, (row) => row.p99Ms],
  ['+p50', 2, (row) => row.addedP50Ms],
  ['+p99', 2, (row) => row.addedP99Ms],
  ['+first', 2, (row) => row.addedFirstP50Ms],
  ['KB/stream', 1, (row) => row.idleKilobytes],
  ['failed', 0, (row) => (row.failed === 0 ? null : row.failed)],
]
const WIDTH = 12

/** One table for people. `+` = over direct. */
export function tableOf(rows: Row[]): string {
  const lines: string[] = []
  for (const name of new Set(rows.map((row) => row.case))) {
    const own = rows.filter((row) => row.case === name)
    const columns = COLUMNS.filter(([, , value]) => own.some((row) => value(row) !== null))
    lines.push(
      '',
      TITLES[name],
      line(
        '',
        columns.map(([title]) => title),
      ),
    )
    for (const row of own)
      lines.push(
        line(
          row.target,
          columns.map(([, digits, value]) => cell(value(row), digits)),
        ),
      )
  }
  return lines.join('\n')
}

function line(first: string, cells: string[]): string {
  return `  ${first.padEnd(14)}${cells.map((text) => text.padStart(WIDTH)).join('')}`
}

function cell(value: number | null, digits: number): string {
  return value === null ? '' : value.toFixed(digits)
}

export interface Goal {
  goal: string
  atMost: number
  measured: number
  isMet: boolean
}

/** What still counts as flat: rounds differ by more than a tenth on a busy machine. */
const FLAT = 1.15

/** The promises that this bench can judge. */
export function goalsOf(rows: Row[]): Goal[] {
  const find = (name: CaseName, target: TargetName) => rows.find((row) => row.case === name && row.target === target)
  const turnpike = (name: CaseName) => find(name, 'turnpike')
  const extraMicros = (turnpike('json40')?.cpuMicros ?? Number.NaN) - (turnpike('json')?.cpuMicros ?? Number.NaN)
  const ofBare = (value: (row: Row) => number | null, name: CaseName) =>
    ratio(value(turnpike(name) ?? EMPTY), value(find(name, 'bare') ?? EMPTY))
  const extraKilobytes = (turnpike('idle')?.idleKilobytes ?? Number.NaN) - (find('idle', 'bare')?.idleKilobytes ?? 0)
  return [
    judged('CPU of a JSON request, × bare', 2, turnpike('json')?.cpuToBare ?? Number.NaN),
    judged('CPU of a JSON request with Redis, × bare', 3.5, find('redis', 'with Redis')?.cpuToBare ?? Number.NaN),
    judged('CPU of a streamed event, × bare', 1.3, turnpike('stream')?.cpuToBare ?? Number.NaN),
    judged('CPU of 40 KB of request, µs more than of a small one', 90, extraMicros),
    judged(
      'added latency p50 at 500/s, × bare',
      1.3,
      ofBare((row) => row.addedP50Ms, 'latency'),
    ),
    judged(
      'added latency p99 at 500/s, × bare',
      1.3,
      ofBare((row) => row.addedP99Ms, 'latency'),
    ),
    judged(
      'added time to first token, × bare',
      1.3,
      ofBare((row) => row.addedFirstP50Ms, 'stream'),
    ),
    judged(
      'CPU with 100,000 keys, × that with 10',
      FLAT,
      ratio(find('keys', '100,000 keys')?.cpuMicros ?? null, find('keys', '10 keys')?.cpuMicros ?? null),
    ),
    judged(
      'CPU with 500 accounts in the group, × that with 1',
      2,
      ratio(find('accounts', '500 accounts')?.cpuMicros ?? null, find('accounts', '1 account')?.cpuMicros ?? null),
    ),
    judged('memory of an idle stream, KB more than bare', 20, extraKilobytes),
  ].filter(({ measured }) => !Number.isNaN(measured))
}

function judged(goal: string, atMost: number, measured: number): Goal {
  return { goal, atMost, measured, isMet: measured <= atMost }
}

function ratio(value: number | null, base: number | null): number {
  return value === null || base === null ? Number.NaN : value / base
}

export function goalsText(goals: Goal[]): string {
  return goals
    .map(
      ({ goal, atMost, measured, isMet }) =>
        `  ${isMet ? 'met   ' : 'NOT MET'} ${measured.toFixed(2)} ≤ ${atMost}  ${goal}`,
    )
    .join('\n')
}

/** alerts.md, "State". */
const ALERT_RULES_MS = 5_000
const HAND_OVER_P99_MS = 5

/** A line for each kind of coordination. */
export function handOversText(handOvers: HandOver[]): string {
  const lines = handOvers.map(({ coordination, count, p50Ms, p99Ms }) => {
    const verdict = p99Ms <= HAND_OVER_P99_MS ? 'met   ' : 'NOT MET'
    const figures = `p50 ${p50Ms.toFixed(2)} ms, p99 ${p99Ms.toFixed(2)} ≤ ${HAND_OVER_P99_MS} ms`
    return `  ${verdict} ${figures}  from a release to the next waiter, ${coordination}, ${count} times`
  })
  return lines.join('\n')
}

export function alertRulesText({ rules, tookMs }: AlertEvaluation): string {
  const worstMs = Math.max(...tookMs)
  const verdict = worstMs <= ALERT_RULES_MS ? 'met   ' : 'NOT MET'
  const each = tookMs.map((ms) => `${(ms / 1000).toFixed(2)} s`).join(', ')
  return `  ${verdict} ${each} ≤ ${ALERT_RULES_MS / 1000} s  to judge a minute of ${rules} alert rules`
}

/** Writes what was measured, each round by itself included; returns where. */
export async function writeJson(directory: string, rows: Row[], goals: Goal[], results: CaseResult[]): Promise<string> {
  await mkdir(directory, { recursive: true })
  const path = join(directory, 'bench.json')
  const rounds = results.map(({ name, samples }) => ({ case: name, samples: Object.fromEntries(samples) }))
  await writeFile(path, `${JSON.stringify({ node: process.version, goals, rows, rounds }, null, 2)}\n`)
  return path
}
