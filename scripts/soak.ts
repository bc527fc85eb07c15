import { dirname } from 'node:path'
import { endCommandsOnSignal } from './run-command.ts'
import { summarize } from './test/summary.ts'
import { runVitest } from './test/vitest.ts'

/** Experiments with their full figures; `npm test` runs short ones. Each can be overridden. */
const FIGURES = {
  SOAK_KILLS: '200',
  SOAK_AWAY_MS: '60000',
  SOAK_LEAVERS: '2000',
  SOAK_CRUSHES: '20',
  SOAK_REDIS_AWAY_MS: '60000',
  SOAK_ROLLS: '100',
  SOAK_BALANCES: '20',
  SOAK_TRUTHS: '10000',
  SOAK_ALERT_EPISODES: '1000',
  SOAK_ALERT_KILLS: '20',
  SOAK_ALERT_SERIES: '50000',
  SOAK_DRILLS: '2',
  SOAK_ADDRESSES: '1000000',
}
const PLACES = [
  'tests/faults',
  'tests/gateway',
  'tests/multi-instance',
  'tests/panel/on-demand',
  'apps/server/src/shared/egress/classify-address.test.ts',
  'packages/core/src/alerts/transition-model.test.ts',
]
const PROJECTS = ['--project=unit', '--project=wire', '--project=drills']

const root = dirname(import.meta.dirname)
endCommandsOnSignal()
Object.assign(process.env, { ...FIGURES, ...process.env })
const { text, isGreen } = summarize(await runVitest(root, [...PROJECTS, ...PLACES, ...process.argv.slice(2)]), false)
process.stdout.write(text)
process.exitCode = isGreen ? 0 : 1
