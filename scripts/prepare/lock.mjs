import { execFileSync } from 'node:child_process'
import { linkSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileProblem } from './problem.mjs'

const LOOK_EVERY_MS = 200
const NAME = /^prepare-lock\.(\d+)$/

/**
 * Waits until this process is the only one that installs or builds in `root`.
 *
 * Every holder is a numbered file with its process in it, and the highest number counts. A new holder makes the next
 * number, which the file system lets only one process do; so the file of a dead holder never has to be taken away
 * while somebody else may just have replaced it. Node 20 has no lock of the operating system.
 *
 * @param {string} root
 * @param {{ signal: AbortSignal, onWait: (pid: number) => void }} options
 */
export async function takeLock(root, { signal, onWait }) {
  const dir = join(root, '.turbo')
  const me = { pid: process.pid, startedAt: startOf(process.pid) }
  try {
    mkdirSync(dir, { recursive: true })
    let hasWaited = false
    for (;;) {
      const last = lastHolder(dir)
      if (last.holder && isAlive(last.holder)) {
        if (!hasWaited) onWait(last.holder.pid)
        hasWaited = true
        await sleep(LOOK_EVERY_MS, undefined, { signal })
      } else if (tryToHold(dir, last.number + 1, me)) {
        return { release: () => writeWhole(dir, last.number + 1, null) }
      }
    }
  } catch (error) {
    throw fileProblem(dir, error)
  }
}

function tryToHold(dir, number, me) {
  const own = join(dir, `prepare-lock-of-${process.pid}`)
  writeFileSync(own, JSON.stringify(me))
  try {
    linkSync(own, path(dir, number))
  } catch (error) {
    if (error.code === 'EEXIST') return false
    throw error
  } finally {
    rmSync(own, { force: true })
  }
  const numbers = listNumbers(dir)
  // A slow process may have made a number that was used and cleared away before: then a higher one is there.
  const isLast = numbers.every((other) => other <= number)
  const useless = isLast ? numbers.filter((other) => other < number) : [number]
  for (const other of useless) rmSync(path(dir, other), { force: true })
  return isLast
}

function lastHolder(dir) {
  const number = Math.max(0, ...listNumbers(dir))
  if (number === 0) return { number, holder: null }
  try {
    return { number, holder: JSON.parse(readFileSync(path(dir, number), 'utf8')) }
  } catch (error) {
    if (error.code === 'ENOENT') return lastHolder(dir)
    throw error
  }
}

function listNumbers(dir) {
  return readdirSync(dir)
    .flatMap((name) => NAME.exec(name)?.[1] ?? [])
    .map(Number)
}

function writeWhole(dir, number, holder) {
  const own = join(dir, `prepare-lock-of-${process.pid}`)
  writeFileSync(own, JSON.stringify(holder))
  renameSync(own, path(dir, number))
}

function path(dir, number) {
  return join(dir, `prepare-lock.${number}`)
}

function isAlive({ pid, startedAt }) {
  return startedAt !== null && startOf(pid) === startedAt
}

/** When a process began, as its system tells it; null if there is none. Tells a process from a later one with its id. */
function startOf(pid) {
  try {
    if (process.platform !== 'linux')
      return execFileSync('ps', ['-o', 'lstart=', '-p', String(pid)], { encoding: 'utf8' }).trim()
    // Fields after the name, which may hold anything: state is the third, the start time the 22nd.
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ').at(-1).split(' ')
    return fields[0] === 'Z' ? null : fields[22 - 3]
  } catch {
    return null
  }
}
