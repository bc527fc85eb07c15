import { execFile } from 'node:child_process'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { TransitionRule } from '@turnpike/core/alerts/transition'
import { makeDataDir } from '../support/data-dir.ts'
import { findOnPath } from '../support/find-program.ts'

/** Null where this machine has none: tests that need it are skipped by name. */
export const promtool = findOnPath(['promtool']) ?? null

/** A letter for each minute: `-` nothing, `p` pending, `f` firing. */
export type States = string

/** A series under a rule, and what is claimed to come of it. Null = no data. */
export interface Claim {
  rule: TransitionRule
  values: readonly (number | null)[]
  states: States
}

export interface PrometheusVerdict {
  agrees: boolean
  /** Where it does not: what was claimed, and what Prometheus had. */
  output: string
}

/** The time is for what hangs. */
const OPTIONS = { timeout: 120_000, maxBuffer: 64 * 1024 * 1024 }

/** Asks Prometheus, minute by minute, by the way it has for testing rules without waiting for them. */
export async function askPrometheus(claims: readonly Claim[]): Promise<PrometheusVerdict> {
  await using dir = await makeDataDir()
  // JSON is YAML.
  await writeFile(join(dir.path, 'rules.yml'), JSON.stringify(rulesOf(claims)))
  await writeFile(join(dir.path, 'claims.yml'), JSON.stringify(claimsOf(claims)))
  const args = ['test', 'rules', join(dir.path, 'claims.yml')]
  const output = await new Promise<string>((resolve) => {
    execFile(promtool ?? 'promtool', args, OPTIONS, (_failed, stdout, stderr) => resolve(`${stdout}${stderr}`))
  })
  // It fails for other reasons too: a rule it cannot read is no verdict.
  const agrees = output.includes('SUCCESS')
  if (!agrees && !output.includes('got:')) throw new Error(`promtool gave no verdict: ${output.slice(0, 4_000)}`)
  return { agrees, output }
}

function rulesOf(claims: readonly Claim[]) {
  const rules = claims.map(({ rule }, index) => ({
    alert: `A${index}`,
    expr: expressionOf(rule, `{s="${index}"}`),
    for: `${rule.forMinutes}m`,
    keep_firing_for: `${rule.keepFiringMinutes}m`,
  }))
  return { groups: [{ name: 'all', interval: '1m', rules }] }
}

/** The same rule in PromQL. What holds on to the recovery threshold is that it fires already. */
function expressionOf({ operator, threshold, recoveryThreshold, noData }: TransitionRule, series: string): string {
  const isFiring = `ALERTS${series.replace('}', ', alertstate="firing"}')}`
  const breach = `v${series} ${operator} ${threshold}`
  const between =
    operator === '==' || recoveryThreshold === threshold
      ? ''
      : ` or (v${series} ${operator} ${recoveryThreshold} and on (s) ${isFiring})`
  return `${breach}${between}${noData === 'alert' ? ` or absent(v${series})` : ''}`
}

function claimsOf(claims: readonly Claim[]) {
  return {
    rule_files: ['rules.yml'],
    evaluation_interval: '1m',
    tests: [
      {
        interval: '1m',
        input_series: claims.map(({ values }, index) => ({
          series: `v{s="${index}"}`,
          values: values
            .map((value) => (value === null ? 'stale' : String(value).replace('Infinity', 'Inf')))
            .join(' '),
        })),
        promql_expr_test: claims.flatMap(({ states }, index) =>
          [...states].map((state, minute) => ({
            expr: `ALERTS{s="${index}"}`,
            eval_time: `${minute}m`,
            exp_samples: samplesOf(state, index),
          })),
        ),
      },
    ],
  }
}

function samplesOf(state: string, index: number) {
  if (state === '-') return []
  const alertstate = state === 'p' ? 'pending' : 'firing'
  return [{ labels: `ALERTS{alertname="A${index}", alertstate="${alertstate}", s="${index}"}`, value: 1 }]
}
