import { mkdtemp, readFile, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { createLogger } from './logger.ts'

const SECRETS = {
  key: `tp-abcdefghij-${'S'.repeat(43)}`,
  serviceToken: 'tps_planted-service-token',
  upstream: 'sk-planted-upstream-secret',
  password: 'planted-password-1',
  cookie: 'planted-cookie-value',
  ticket: 'planted-ticket-value',
}

function capture() {
  const lines: string[] = []
  const { log } = createLogger({ level: 'debug', destination: { write: (line) => void lines.push(line) } })
  return { log, text: () => lines.join('') }
}

test('no planted secret reaches the log, whichever way it is handed over', () => {
  const { log, text } = capture()
  log.info(
    { password: SECRETS.password, cookie: SECRETS.cookie, wsTicket: SECRETS.ticket, apiKey: SECRETS.key },
    'by name',
  )
  log.info({ headers: { cookie: SECRETS.cookie }, input: { password: SECRETS.password } }, 'nested')
  log.info({ path: `/trpc?token=${SECRETS.ticket}`, note: `Bearer ${SECRETS.cookie}` }, `seen ${SECRETS.key}`)
  log.info(
    { url: `postgres://turnpike:${SECRETS.password}@db/turnpike`, list: [SECRETS.upstream, [SECRETS.password]] },
    'lists',
  )
  log.child({ authorization: SECRETS.serviceToken, via: SECRETS.serviceToken }).warn({}, 'child')
  log.error({ err: new SyntaxError(`Unexpected token, "${SECRETS.password}" is not valid JSON`) }, 'parser')
  log.error({ err: databaseError() }, 'database')
  for (const secret of Object.values(SECRETS)) expect(text()).not.toContain(secret)
  expect(text().split('\n').filter(Boolean)).toHaveLength(7)
})

test('what helps to find a fault is kept: name, code, constraint, frames, and the message of plain errors', () => {
  const { log, text } = capture()
  log.error({ err: databaseError(), accountId: 7 }, 'database')
  log.error({ err: new TypeError("Cannot read properties of undefined (reading 'id')") }, 'bug')
  const [database, bug] = text()
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line))
  expect(database).toMatchObject({ accountId: 7, err: { cause: { code: '23505', constraint_name: 'users_email' } } })
  expect(database.err.stack.length).toBeGreaterThan(0)
  expect(bug.err.message).toContain("reading 'id'")
})

test('a log file is private, and closing it leaves every line on disk', async () => {
  const dir = await mkdtemp(join(tmpdir(), 'turnpike-log-'))
  const path = join(dir, 'deep', 'turnpike.log')
  const { log, close } = createLogger({ level: 'info', destination: path })
  for (let line = 0; line < 100; line++) log.info({ line }, 'counted')
  await close()
  expect((await readFile(path, 'utf8')).trim().split('\n')).toHaveLength(100)
  expect((await stat(path)).mode & 0o777).toBe(0o600)
  await rm(dir, { recursive: true })
})

function databaseError(): Error {
  const cause = Object.assign(new Error(`Key (email)=(${SECRETS.password}) already exists`), {
    name: 'PostgresError',
    code: '23505',
    constraint_name: 'users_email',
    detail: `Key (email)=(${SECRETS.password})`,
  })
  return new DrizzleQueryError(`Failed query: insert … params: ${SECRETS.password}`, { cause })
}

class DrizzleQueryError extends Error {}
