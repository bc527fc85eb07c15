import { join } from 'node:path'
import { nodeBinary } from './link-node.mjs'
import { Problem } from './problem.mjs'
import { secondsSince } from './progress.mjs'
import { run } from './run.mjs'

const SPEAK_AFTER_MS = 1_500
const UPDATE_EVERY_MS = 1_000

/** Builds the panel where something it is made of has changed; Turborepo knows. Throws Problem. */
export async function build({ root, progress, signal }) {
  const startMs = Date.now()
  let hasSpoken = false
  const ticker = setInterval(() => {
    if (!hasSpoken && Date.now() - startMs < SPEAK_AFTER_MS) return
    if (!hasSpoken) progress.say('Building the panel.')
    hasSpoken = true
    progress.update(secondsSince(startMs))
  }, UPDATE_EVERY_MS)
  try {
    await runTurbo(root, signal)
  } finally {
    clearInterval(ticker)
  }
  if (hasSpoken) progress.say(`Built in ${secondsSince(startMs)}.`)
}

async function runTurbo(root, signal) {
  const bin = join(root, 'node_modules', '.bin')
  const args = [
    join(bin, 'turbo'),
    'run',
    'build',
    '--filter=@turnpike/admin',
    '--output-logs=errors-only',
    '--no-update-notifier',
    '--ui=stream',
  ]
  const env = {
    ...process.env,
    PATH: `${bin}:${process.env.PATH}`,
    TURBO_TELEMETRY_DISABLED: '1',
    TURBO_TELEMETRY_MESSAGE_DISABLED: '1',
  }
  const { code, output } = await run(nodeBinary(root), args, { cwd: root, env, signal })
  if (code !== 0) throw new Problem(`The build failed:\n\n${output.trim()}\n\nRun \`npm run build\` to see it alone.`)
}
