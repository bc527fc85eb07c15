import { join, resolve } from 'node:path'
import { createDb, migrate, restoreBackup, writeBackup } from '@turnpike/db'
import { EmbeddedPostgresError, findRunningPostgres, startEmbeddedPostgres } from '@turnpike/db/embedded'
import { type Env, readEnv } from './env.ts'
import { createOwners } from './features/auth/owners.ts'
import { createPasswords } from './features/auth/passwords.ts'
import { createSessions } from './features/auth/sessions.ts'
import { silentLog } from './shared/logger.ts'
import { createSecretBox } from './shared/secret-box.ts'
import { loadSecretKey } from './shared/secret-key.ts'
import { assertSecretKeyFits } from './shared/secret-key-check.ts'
import { createSecretRotation } from './shared/secret-rotation.ts'
import { systemClock } from './shared/system-clock.ts'
import { startFailure } from './start-failure.ts'

const USAGE = `Usage: npm run admin -- reset-password <email>
       npm run admin -- secret-key
       npm run backup -- <file>
       npm run restore -- <file>

  reset-password   gives a user a new password, shows it once, and ends his sessions
  secret-key       tells what still needs TURNPIKE_SECRET_KEY_PREVIOUS
  backup           writes all that the database holds into a file, beside a running server or without one
  restore          fills an empty database from such a file
`

try {
  process.exitCode = await main(process.argv.slice(2))
} catch (error) {
  process.stderr.write(`${startFailure(error)}\n`)
  process.exitCode = 1
}

/** For whoever sits at the machine; works beside a running server and without one. */
async function main([command, subject, ...rest]: string[]): Promise<number> {
  await using opened = new AsyncDisposableStack()
  if (command === 'reset-password' && subject !== undefined && rest.length === 0) {
    return await tellPassword(readEnv(), subject, opened)
  }
  if (command === 'secret-key' && subject === undefined) return await tellSecretKey(readEnv(), opened)
  if (command === 'backup' && subject !== undefined && rest.length === 0)
    return await backup(readEnv(), subject, opened)
  if (command === 'restore' && subject !== undefined && rest.length === 0)
    return await restore(readEnv(), subject, opened)
  process.stderr.write(USAGE)
  return 2
}

async function tellPassword(env: Env, email: string, opened: AsyncDisposableStack): Promise<number> {
  const password = await resetPassword(env, email, opened)
  if (password === null) {
    process.stderr.write('There is no such user.\n')
    return 1
  }
  process.stdout.write(`New password: ${password}\nIt is not shown again. Every session of the user has ended.\n`)
  return 0
}

async function resetPassword(env: Env, email: string, opened: AsyncDisposableStack): Promise<string | null> {
  const { db, box } = await openStored(env, opened)
  const sessions = createSessions({ db, clock: systemClock, hashKey: box.derive('sessions') })
  return createOwners({ db, passwords: createPasswords(), sessions }).resetPassword(email)
}

async function tellSecretKey(env: Env, opened: AsyncDisposableStack): Promise<number> {
  const { sql, box } = await openStored(env, opened)
  await assertSecretKeyFits(sql, box)
  const { sealedValues, apiKeys } = await createSecretRotation({ sql, box, log: silentLog }).left()
  process.stdout.write(
    `Stored secrets not yet sealed under TURNPIKE_SECRET_KEY: ${sealedValues}\n` +
      `API keys not used since it was replaced: ${apiKeys}\n`,
  )
  return 0
}

async function backup(env: Env, file: string, opened: AsyncDisposableStack): Promise<number> {
  const path = resolve(file)
  const rows = await writeBackup({ url: await openUrl(env, opened), path, now: new Date() })
  process.stdout.write(
    `${path}: ${countOf(rows)} rows.\n` +
      'The secret key is not in it: keep a copy of that as well, apart from this file.\n',
  )
  return 0
}

async function restore(env: Env, file: string, opened: AsyncDisposableStack): Promise<number> {
  const rows = await restoreBackup({ url: await openUrl(env, opened), path: resolve(file) })
  process.stdout.write(
    `${countOf(rows)} rows restored.\nStart the server with the secret key that the backup was made beside.\n`,
  )
  return 0
}

function countOf(rows: Record<string, number>): number {
  return Object.values(rows).reduce((sum, count) => sum + count, 0)
}

/** The database, and the keys to what is sealed in it. */
async function openStored(env: Env, opened: AsyncDisposableStack) {
  const dataDir = resolve(env.dataDir)
  const key = loadSecretKey({ key: env.secretKey, file: env.secretKeyFile, dataDir, mayGenerate: false })
  const url = await openUrl(env, opened)
  await migrate(url)
  const { db, sql, close } = createDb({ url, max: 1, applicationName: 'turnpike-admin' })
  opened.defer(() => close())
  return { db, sql, box: createSecretBox(key, env.secretKeyPrevious) }
}

function openUrl(env: Env, opened: AsyncDisposableStack): Promise<string> | string {
  return env.databaseUrl ?? openEmbedded(join(resolve(env.dataDir), 'postgres'), opened)
}

async function openEmbedded(dataDir: string, opened: AsyncDisposableStack): Promise<string> {
  try {
    const server = await startEmbeddedPostgres({ dataDir })
    opened.defer(() => server.stop())
    return server.url
  } catch (error) {
    const isInUse = error instanceof EmbeddedPostgresError && error.code === 'data_dir_in_use'
    const running = isInUse ? await findRunningPostgres(dataDir) : null
    if (running === null) throw error
    return running
  }
}
