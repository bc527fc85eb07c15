import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { temporaryDir } from '../testing/temporary-dir.ts'
import { lockDataDir } from './lock-data-dir.ts'

const MODULE = fileURLToPath(new URL('lock-data-dir.ts', import.meta.url))
const HOLD = `
  const { lockDataDir } = await import(process.argv[1])
  try {
    lockDataDir(process.argv[2])
    console.log('taken')
    setInterval(() => {}, 1_000)
  } catch (error) {
    console.log(error.code)
  }`

async function lockElsewhere(dir: { path: string }) {
  const child = spawn(process.execPath, ['--input-type=module', '-e', HOLD, MODULE, dir.path], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const exited = once(child, 'exit')
  const [said] = await once(child.stdout, 'data')
  return {
    said: String(said).trim(),
    async [Symbol.asyncDispose]() {
      child.kill('SIGKILL')
      await exited
    },
  }
}

test('is for one at a time, and for the next one after release', async () => {
  await using dir = await temporaryDir()
  const first = lockDataDir(dir.path)
  expect(() => lockDataDir(dir.path)).toThrow(expect.objectContaining({ code: 'data_dir_in_use' }))
  first.release()
  const second = lockDataDir(dir.path)
  first.release()
  expect(() => lockDataDir(dir.path)).toThrow(expect.objectContaining({ code: 'data_dir_in_use' }))
  second.release()
})

test('one of many processes that come at once gets it', async () => {
  await using dir = await temporaryDir()
  const processes = await Promise.all(Array.from({ length: 4 }, () => lockElsewhere(dir)))
  const said = processes.map((one) => one.said).toSorted()
  for (const one of processes) await one[Symbol.asyncDispose]()
  expect(said).toEqual(['data_dir_in_use', 'data_dir_in_use', 'data_dir_in_use', 'taken'])
})

test('goes with the process that is killed', async () => {
  await using dir = await temporaryDir()
  {
    await using other = await lockElsewhere(dir)
    expect(other.said).toBe('taken')
    expect(() => lockDataDir(dir.path)).toThrow(expect.objectContaining({ code: 'data_dir_in_use' }))
  }
  lockDataDir(dir.path).release()
})

test('says where it cannot be made', async () => {
  expect(() => lockDataDir('/nonexistent')).toThrow(expect.objectContaining({ code: 'data_dir_not_writable' }))
})
