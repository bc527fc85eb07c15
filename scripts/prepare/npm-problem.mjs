import { diskFull, notWritable, Problem } from './problem.mjs'

const LAST_LINES = 12

const CURES = [
  { sign: /ENOSPC/, problem: diskFull },
  { sign: /EACCES|EPERM|EROFS/, problem: notWritable },
  {
    sign: /ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ECONNRESET|ETIMEDOUT|ENETUNREACH|EHOSTUNREACH|ENOTCACHED|ERR_SOCKET_TIMEOUT|network/,
    problem: (_root, output) =>
      new Problem(
        `npm cannot reach its registry (${firstLine(output)}).\n` +
          'Check the connection, or name a mirror or proxy (npm config set registry … / npm config set proxy …), then run the same command again.',
      ),
  },
  {
    sign: /CERT|SELF_SIGNED|unable to (get|verify)/,
    problem: (_root, output) =>
      new Problem(
        `npm does not trust the registry's certificate (${firstLine(output)}).\n` +
          'Behind an inspecting proxy, point npm to its root certificate: npm config set cafile /path/to/root.pem',
      ),
  },
  {
    sign: /EUSAGE|in sync/,
    problem: () =>
      new Problem(
        'package.json and package-lock.json do not agree.\nRun `npm install` once, look at the change, and run the same command again.',
      ),
  },
]

/**
 * One message with a cure for what npm said.
 *
 * @param {string} root
 * @param {string} output
 */
export function npmProblem(root, output) {
  const known = CURES.find(({ sign }) => sign.test(output))
  if (known) return known.problem(root, output)
  const said = output.trim().split('\n').slice(-LAST_LINES).join('\n')
  return new Problem(`npm ci failed:\n\n${said}\n\nRun \`npm ci\` yourself to see more.`)
}

function firstLine(output) {
  const line = output.split('\n').find((text) => /error (?!code|errno|syscall)/.test(text)) ?? 'no answer'
  return line.replace(/^npm error (.*failed, reason: )?/, '').slice(0, 160)
}
