import { execFile } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { freshDatabase } from '@turnpike/db/testing'
import { expect, test } from 'vitest'
import { createOwners } from './features/auth/owners.ts'
import { createPasswords } from './features/auth/passwords.ts'

const PROGRAM = fileURLToPath(new URL('admin.ts', import.meta.url))
/** Starting a program takes a second or more on a busy machine. */
const PROGRAMS_MS = 180_000
const KEY = Buffer.alloc(32, 9).toString('base64')
const OLD_PASSWORD = 'correct horse battery'

interface Ending {
  code: number
  stdout: string
  stderr: string
}

function admin(databaseUrl: string, ...args: string[]): Promise<Ending> {
  return runAdmin({ DATABASE_URL: databaseUrl, TURNPIKE_SECRET_KEY: KEY }, args)
}

function runAdmin(settings: Record<string, string>, args: string[]): Promise<Ending> {
  const env = { PATH: process.env.PATH, ...settings }
  return new Promise((resolve) => {
    execFile(process.execPath, [PROGRAM, ...args], { env }, (error, stdout, stderr) => {
      resolve({ code: typeof error?.code === 'number' ? error.code : 0, stdout, stderr })
    })
  })
}

test('a forgotten password is replaced by one that is shown once', { timeout: PROGRAMS_MS }, async () => {
  await using fresh = await freshDatabase()
  const owners = createOwners({
    db: fresh.db,
    passwords: createPasswords(),
    sessions: { revokeOthers: async () => {} },
  })
  await owners.ensureOwner({ email: 'boss@turnpike.test', password: OLD_PASSWORD })
  const { code, stdout } = await admin(fresh.url, 'reset-password', 'Boss@turnpike.test')
  const password = /^New password: (\S+)$/m.exec(stdout)?.[1] ?? ''
  expect([code, password.length]).toEqual([0, 20])
  const matches = async (candidate: string) => {
    return (await owners.ensureOwner({ email: 'boss@turnpike.test', password: candidate })).passwordMatches
  }
  expect([await matches(password), await matches(OLD_PASSWORD)]).toEqual([true, false])
})

test('an unknown user, and a command that is none, end with a message and a code', {
  timeout: PROGRAMS_MS,
}, async () => {
  await using fresh = await freshDatabase()
  expect(await admin(fresh.url, 'reset-password', 'nobody@turnpike.test')).toEqual({
    code: 1,
    stdout: '',
    stderr: 'There is no such user.\n',
  })
  for (const args of [['reset-password'], ['drop-everything', 'x']]) {
    expect(await admin(fresh.url, ...args)).toMatchObject({ code: 2, stderr: expect.stringContaining('Usage:') })
  }
})

test('what still needs the previous key is told, and another key is refused', { timeout: PROGRAMS_MS }, async () => {
  await using fresh = await freshDatabase()
  const told = await admin(fresh.url, 'secret-key')
  expect(told).toMatchObject({
    code: 0,
    stdout: expect.stringContaining('not yet sealed under TURNPIKE_SECRET_KEY: 0'),
  })
  const settings = { DATABASE_URL: fresh.url, TURNPIKE_SECRET_KEY: Buffer.alloc(32, 8).toString('base64') }
  expect(await runAdmin(settings, ['secret-key'])).toMatchObject({
    code: 1,
    stderr: expect.stringContaining('TURNPIKE_SECRET_KEY_PREVIOUS'),
  })
  expect(await runAdmin({ ...settings, TURNPIKE_SECRET_KEY_PREVIOUS: KEY }, ['secret-key'])).toMatchObject({ code: 0 })
})

test('what was backed up is restored into an empty database, and into no other', { timeout: PROGRAMS_MS }, async () => {
  const dir = await mkdtemp(join(tmpdir(), 'turnpike-backup-'))
  const file = join(dir, 'turnpike.backup')
  try {
    await using fresh = await freshDatabase()
    await fresh.sql`insert into users (email, name, role) values ('kept@turnpike.test', '', 'user')`
    expect(await admin(fresh.url, 'backup', file)).toMatchObject({
      code: 0,
      stdout: expect.stringContaining('secret key'),
    })
    expect(await admin(fresh.url, 'restore', file)).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('in use'),
    })
    await using other = await freshDatabase({ migrated: false })
    expect(await admin(other.url, 'restore', file)).toMatchObject({ code: 0, stderr: '' })
    expect(await other.sql`select email from users`).toEqual([{ email: 'kept@turnpike.test' }])
    expect(await admin(other.url, 'restore', join(dir, 'none'))).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('ENOENT'),
    })
  } finally {
    await rm(dir, { recursive: true })
  }
})
