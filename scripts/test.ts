import { dirname } from 'node:path'
import { runSteps } from './check/run-steps.ts'
import { checkSteps } from './check/steps.ts'
import { endCommandsOnSignal } from './run-command.ts'
import { summarize } from './test/summary.ts'
import { runVitest } from './test/vitest.ts'

// What `npm run test:clients` runs needs the network.
const PROJECTS = ['--project=unit', '--project=wire', '--project=panel']

const root = dirname(import.meta.dirname)
endCommandsOnSignal()
const checks = await runSteps(checkSteps(root), (text) => process.stdout.write(`${text}\n`))
const tests = await runVitest(root, [...PROJECTS, ...process.argv.slice(2)])
const { text, isGreen } = summarize(
  { passed: checks.passed + tests.passed, failed: checks.failed + tests.failed, skipped: tests.skipped },
  process.env.CI === 'true',
)
process.stdout.write(text)
process.exitCode = isGreen ? 0 : 1
