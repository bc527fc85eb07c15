import { dirname } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build } from './build.mjs'
import { install } from './install.mjs'
import { isInstalled } from './installed.mjs'
import { linkNode } from './link-node.mjs'
import { takeLock } from './lock.mjs'
import { Problem } from './problem.mjs'
import { createProgress } from './progress.mjs'
import { stopSignal } from './stop-signal.mjs'

const ROOT = dirname(dirname(dirname(fileURLToPath(import.meta.url))))

/**
 * Installs what package-lock.json names if it is not there yet, and with `--build` builds what the server serves.
 * Says nothing where there is nothing to do. Sets the exit code: 1 with one message and its cure, 128 + signal.
 *
 * @param {string[]} args
 */
export async function prepare(args) {
  const progress = createProgress(process.stderr)
  const stop = stopSignal()
  try {
    await bringUpToDate({ root: ROOT, wantsBuild: args.includes('--build'), progress, signal: stop.signal })
  } catch (error) {
    progress.clear()
    if (stop.signal.aborted) process.exitCode = stop.exitCode()
    else fail(error)
  } finally {
    stop.close()
  }
}

async function bringUpToDate({ root, wantsBuild, progress, signal }) {
  const isReady = isInstalled(root)
  if (isReady) linkNode(root)
  if (isReady && !wantsBuild) return
  const lock = await takeLock(root, { signal, onWait: (pid) => progress.say(waiting(pid)) })
  try {
    if (!isInstalled(root)) await install({ root, progress, signal })
    if (wantsBuild) await build({ root, progress, signal })
  } finally {
    lock.release()
  }
}

function waiting(pid) {
  return `Another Turnpike command (process ${pid}) is installing or building in this folder; waiting for it.`
}

function fail(error) {
  process.exitCode = 1
  const text = error instanceof Problem ? error.message : error.stack
  process.stderr.write(`\n${text}\n`)
}
