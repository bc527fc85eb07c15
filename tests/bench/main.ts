import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { measureAlertRules } from './alert-rules.ts'
import { SHAPES } from './bodies.ts'
import { CASES, type CaseResult, FULL, QUICK, runCase } from './cases.ts'
import { measureHandOvers } from './hand-over.ts'
import { measureOperations, OPERATIONS, type OperationsCase } from './operations/measure-operations.ts'
import { profileOf } from './profile.ts'
import { alertRulesText, goalsOf, goalsText, handOversText, rowsOf, tableOf, writeJson } from './report.ts'
import { openStage } from './stage.ts'

const ALERT_RULES = 1_000
const RESULTS = fileURLToPath(new URL('../../test-results/', import.meta.url))
const HELP = `What a request costs, beside nginx and a bare Node relay in the same run.

  --quick          fewer and shorter rounds: under a minute, rougher figures
  --case NAME      only this one (may be repeated): ${CASES.join(', ')};
                   apart, where they are named: ${OPERATIONS.join(', ')}
  --data-dir DIR   where the database of the case dashboards stays, to be asked again without being filled again
  --profile SHAPE  no figures, but where the time goes: ${SHAPES.join(', ')}
  --of NAME        whose time: turnpike (default) or bare
`

const { values } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    case: { type: 'string', multiple: true, default: [] },
    'data-dir': { type: 'string' },
    profile: { type: 'string' },
    of: { type: 'string', default: 'turnpike' },
    help: { type: 'boolean', default: false },
  },
})
if (values.help) print(HELP)
else if (!existsSync('/proc/self/schedstat'))
  fail('The bench reads the CPU time of processes from /proc: it needs Linux.')
else if (values.profile === undefined) await bench()
else await profile(values.profile)

async function bench(): Promise<void> {
  const operations = OPERATIONS.filter((name) => values.case.includes(name))
  if (operations.length > 0) await benchOperations(operations)
  if (values.case.length === 0 || operations.length < values.case.length) await benchRequests()
}

/** What the panel asks, what an error costs, who follows the live feed: none of it needs the other relays. */
async function benchOperations(names: readonly OperationsCase[]): Promise<void> {
  for (const name of names) {
    step(`measuring: ${name}`)
    const goals = await measureOperations(name, { isQuick: values.quick, dataDir: values['data-dir'], step })
    print(`\n${goalsText(goals)}\n`)
  }
}

async function benchRequests(): Promise<void> {
  const cases = CASES.filter((name) => values.case.length === 0 || values.case.includes(name))
  const results: CaseResult[] = []
  {
    await using stage = await openStage(step)
    for (const name of cases) {
      step(`measuring: ${name}`)
      results.push(await runCase(name, stage, values.quick ? QUICK : FULL))
    }
  }
  const rows = rowsOf(results)
  const goals = goalsOf(rows)
  const path = await writeJson(RESULTS, rows, goals, results)
  step('measuring: hand-overs of slots')
  const handOvers = await measureHandOvers((values.quick ? QUICK : FULL).handOvers)
  step('measuring: alert rules')
  const alertRules = await measureAlertRules(ALERT_RULES)
  print(
    `${tableOf(rows)}\n\n${goalsText(goals)}\n${handOversText(handOvers)}\n${alertRulesText(alertRules)}\n\n  Every round: ${path}\n`,
  )
  const failed = rows.reduce((sum, row) => sum + row.failed, 0)
  if (failed > 0) fail(`${failed} requests failed.`)
}

async function profile(name: string): Promise<void> {
  const shape = SHAPES.find((each) => each === name)
  if (shape === undefined) return fail(`There is no shape ${JSON.stringify(name)}: ${SHAPES.join(', ')}.`)
  await using stage = await openStage(step)
  const target = stage.targets.find((each) => each.name === values.of)
  if (target === undefined) return fail(`There is no ${JSON.stringify(values.of)} to profile.`)
  step('profiling')
  print(await profileOf(target, stage, shape, RESULTS))
}

function step(text: string): void {
  process.stderr.write(`  ${text} …\n`)
}

function print(text: string): void {
  process.stdout.write(`${text}\n`)
}

function fail(text: string): void {
  process.stderr.write(`${text}\n`)
  process.exitCode = 1
}
