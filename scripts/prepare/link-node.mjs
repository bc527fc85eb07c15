import { existsSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { fileProblem } from './problem.mjs'

/**
 * Puts Node into node_modules/.bin where npm did not: npm 10 first links the one for this machine, then takes the link
 * away together with those for other machines, which bear the same name.
 *
 * @param {string} root
 */
export function linkNode(root) {
  if (existsSync(nodeBinary(root))) return
  const platform = `${process.platform}-${process.arch}`
  const name = [`node-${platform}`, `node-bin-${platform}`].find((each) => existsSync(join(root, 'node_modules', each)))
  if (name === undefined) return
  try {
    symlinkSync(join('..', name, 'bin', 'node'), nodeBinary(root))
  } catch (error) {
    if (error.code !== 'EEXIST') throw fileProblem(join(root, 'node_modules'), error)
  }
}

/** @param {string} root */
export function nodeBinary(root) {
  return join(root, 'node_modules', '.bin', 'node')
}
