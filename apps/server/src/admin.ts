import { join, resolve } from 'node:path'
import { createDb, migrate } from '@turnpike/db'
import { EmbeddedPostgresError, findRunningPostgres, startEmbeddedPostgres } from '@turnpike/db/embedded'
import { type Env, readEnv } from './env.ts'
import { createOwners } from './features/auth/owners.ts'
import { createPasswords } from './features/auth/passwords.ts'
import { createSessions } from './features/auth/sessions.ts'
import { createSecretBox } from './shared/secret-box.ts'
import { loadSecretKey } from './shared/secret-key.ts'
import { systemClock } from './shared/system-clock.ts'
import { startFailure } from './start-failure.ts'

const USAGE = `Usage: npm run admin -- reset-password <email>

  reset-password   gives a user a new password, shows it once, and ends his sessions
`

try {
  process.exitCode = await main(process.argv.slice(2))
} catch (error) {
  process.stderr.write(`${startFailure(error)}\n`)
  process.exitCode = 1
}

/** For whoever sits at the machine; works beside a running server and without one. */
async function main([command, email, ...rest]: string[]): Promise<number> {
  if (command !== 'reset-password' || email === undefined || rest.length > 0) {
    process.stderr.write(USAGE)
    return 2
  }
  const env = readEnv()
  await using opened = new AsyncDisposableStack()
  const password = await resetPassword(env, email, opened)
  if (password === null) {
    process.stderr.write('There is no such user.\n')
    return 1
  }
  process.stdout.write(`New password: ${password}\nIt is not shown again. Every session of the user has ended.\n`)
  return 0
}

async function resetPassword(env: Env, email: string, opened: AsyncDisposableStack): Promise<string | null> {
  const dataDir = resolve(env.dataDir)
  const key = loadSecretKey({ key: env.secretKey, file: env.secretKeyFile, dataDir, mayGenerate: false })
  const url = env.databaseUrl ?? (await openEmbedded(join(dataDir, 'postgres'), opened))
  await migrate(url)
  const database = createDb({ url, max: 1, applicationName: 'turnpike-admin' })
  opened.defer(() => database.close())
  const { db } = database
  const sessions = createSessions({ db, clock: systemClock, hashKey: createSecretBox(key).derive('sessions') })
  return createOwners({ db, passwords: createPasswords(), sessions }).resetPassword(email)
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
