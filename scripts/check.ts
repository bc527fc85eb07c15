import { dirname } from 'node:path'
import { runSteps } from './check/run-steps.ts'
import { checkSteps } from './check/steps.ts'

import { endCommandsOnSignal } from './run-command.ts'

const root = dirname(import.meta.dirname)
endCommandsOnSignal()
const { passed, failed } = await runSteps(checkSteps(root), (text) => process.stdout.write(`${text}\n`))
process.stdout.write(`${passed} passed, ${failed} failed\n`)
process.exitCode = failed === 0 ? 0 : 1
