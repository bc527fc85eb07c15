import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { expect, test } from 'vitest'
import { makeTempDir } from './journal/__fixtures__/journal-world.ts'
import { lockDirectory } from './lock-directory.ts'

const MODULE = new URL('lock-directory.ts', import.meta.url).href

test('a directory has one owner at a time', () => {
  using dir = makeTempDir()
  const lock = lockDirectory(dir.path)
  expect(lock).not.toBeNull()
  expect(lockDirectory(dir.path)).toBeNull()
  lock?.release()
  lock?.release()
  const next = lockDirectory(dir.path)
  expect(next).not.toBeNull()
  next?.release()
})

test('the lock of another process holds while it lives and is free the moment it is killed', async () => {
  using dir = makeTempDir()
  const code = `import { lockDirectory } from ${JSON.stringify(MODULE)}
    process.stdout.write(lockDirectory(process.argv[1]) ? 'mine' : 'taken')
    setInterval(() => {}, 1_000)`
  const child = spawn(process.execPath, ['--input-type=module', '-e', code, dir.path], { stdio: 'pipe' })
  const [said] = await once(child.stdout, 'data')
  expect(String(said)).toBe('mine')
  expect(lockDirectory(dir.path)).toBeNull()
  child.kill('SIGKILL')
  await once(child, 'exit')
  const lock = lockDirectory(dir.path)
  expect(lock).not.toBeNull()
  lock?.release()
})

test('says what the system says where it cannot write', () => {
  expect(() => lockDirectory('/nowhere/at/all')).toThrow(/unable to open/)
})
