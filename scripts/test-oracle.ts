import { dirname } from 'node:path'
import { endCommandsOnSignal } from './run-command.ts'
import { summarize } from './test/summary.ts'
import { runVitest } from './test/vitest.ts'

const root = dirname(import.meta.dirname)
endCommandsOnSignal()
const { text, isGreen } = summarize(await runVitest(root, ['--project=oracle']), process.env.CI === 'true')
process.stdout.write(text)
process.exitCode = isGreen ? 0 : 1
