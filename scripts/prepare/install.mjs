import { spawnSync } from 'node:child_process'
import { accessSync, constants, existsSync, rmSync, statfsSync } from 'node:fs'
import { join } from 'node:path'
import { countInstalled, installRecord, isInstalled } from './installed.mjs'
import { linkNode, nodeBinary } from './link-node.mjs'
import { npmProblem } from './npm-problem.mjs'
import { diskFull, fileProblem, notWritable, Problem } from './problem.mjs'
import { secondsSince } from './progress.mjs'
import { run } from './run.mjs'

const PLATFORMS = ['linux-x64', 'linux-arm64', 'darwin-arm64', 'darwin-x64']
const NEEDED_BYTES = 2_000_000_000
const UPDATE_EVERY_MS = 1_000

// Whatever the user's own npm settings say: development packages build the panel, and no package may run a script.
const NPM_CI = [
  'ci',
  '--include=dev',
  '--include=optional',
  '--ignore-scripts',
  '--engine-strict=false',
  '--no-audit',
  '--no-fund',
  '--loglevel=error',
  '--progress=false',
]

/** Fills node_modules from package-lock.json. Throws Problem with the cure. */
export async function install({ root, progress, signal }) {
  checkMachine(root)
  const startMs = Date.now()
  progress.say('Installing what Turnpike is made of into node_modules: about 1.5 GB, a minute or two, only this once.')
  const ticker = setInterval(() => {
    const { done, total } = countInstalled(root)
    progress.update(`${done} of ${total} packages, ${secondsSince(startMs)}`)
  }, UPDATE_EVERY_MS)
  try {
    await runNpmCi(root, signal)
  } finally {
    clearInterval(ticker)
  }
  linkNode(root)
  checkResult(root)
  progress.say(`Installed in ${secondsSince(startMs)}.`)
}

function checkMachine(root) {
  const platform = `${process.platform}-${process.arch}`
  if (!PLATFORMS.includes(platform)) {
    throw new Problem(
      `Turnpike does not run on ${platform}: there is no Node 26 or PostgreSQL for it among its packages.\n` +
        `Use one of ${PLATFORMS.join(', ')} (on Windows: inside WSL).`,
    )
  }
  try {
    accessSync(root, constants.W_OK)
  } catch {
    throw notWritable(root)
  }
  const modules = join(root, 'node_modules')
  const disk = statfsSync(root)
  if (!existsSync(modules) && disk.bavail * disk.bsize < NEEDED_BYTES) throw diskFull(root)
}

async function runNpmCi(root, signal) {
  try {
    // Until npm writes it anew nobody takes the half-filled folder for a whole one.
    rmSync(installRecord(root), { force: true })
  } catch (error) {
    throw fileProblem(join(root, 'node_modules'), error)
  }
  const [command, ...first] = npmCommand()
  const { NODE_ENV: _, ...env } = process.env
  const { code, output } = await run(command, [...first, ...NPM_CI], { cwd: root, env, signal }).catch((error) => {
    if (error.code === 'ENOENT')
      throw new Problem('npm was not found.\nInstall it together with Node from https://nodejs.org.')
    throw error
  })
  if (code !== 0) throw npmProblem(root, output)
}

/** The npm that called us, under its own Node: the one in node_modules is about to be replaced. */
function npmCommand() {
  const { npm_execpath: cli, npm_node_execpath: node } = process.env
  return cli?.endsWith('npm-cli.js') ? [node ?? process.execPath, cli] : ['npm']
}

function checkResult(root) {
  const tried = spawnSync(nodeBinary(root), ['--version'], { encoding: 'utf8', timeout: 10_000 })
  if (tried.status !== 0) {
    throw new Problem(
      `The Node that Turnpike brings along does not run here (${tried.error?.message ?? tried.stderr.trim().split('\n')[0]}).\n` +
        'It needs glibc 2.28 or newer (Debian 10, Ubuntu 18.10, RHEL 8) or macOS 13.5; Alpine and other musl systems do not have it.',
    )
  }
  if (!isInstalled(root)) {
    throw new Problem(
      'npm left out packages that are needed here.\nLook for `omit` or `os` in `npm config list`, remove it, and run the same command again.',
    )
  }
}
