import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

/**
 * True when everything that package-lock.json names is in node_modules. npm writes its own record of an installation
 * last, so after one that was killed half-way there is none.
 *
 * @param {string} root
 */
export function isInstalled(root) {
  const wanted = readPackages(join(root, 'package-lock.json'))
  const present = readPackages(installRecord(root))
  if (present === null) return false
  return (
    Object.entries(wanted ?? {}).every(([path, entry]) => path === '' || isMet(entry, present[path])) &&
    Object.keys(present).every((path) => path in wanted && existsSync(join(root, path, 'package.json')))
  )
}

/** @param {string} root */
export function installRecord(root) {
  return join(root, 'node_modules', '.package-lock.json')
}

/** How many of the packages of this lock file stand in node_modules by now. */
export function countInstalled(root) {
  const paths = Object.entries(readPackages(join(root, 'package-lock.json')) ?? {}).flatMap(([path, entry]) =>
    path.startsWith('node_modules/') && fitsHere(entry) ? [path] : [],
  )
  return { done: paths.filter((path) => existsSync(join(root, path, 'package.json'))).length, total: paths.length }
}

/** Optional packages are for other platforms, or belong to such: npm leaves them out, as it does the extraneous. */
function isMet(entry, found) {
  if (found === undefined) return Boolean(entry.optional || entry.devOptional || entry.extraneous)
  return entry.link ? found.link === true : entry.version === found.version && entry.integrity === found.integrity
}

function fitsHere({ os, cpu, libc }) {
  return fits(os, process.platform) && fits(cpu, process.arch) && !(libc ?? []).includes('musl')
}

function fits(list, value) {
  return list === undefined || list.includes(value)
}

function readPackages(file) {
  try {
    return JSON.parse(readFileSync(file, 'utf8')).packages
  } catch (error) {
    if (error.code === 'ENOENT' || error instanceof SyntaxError) return null
    throw error
  }
}
