import { readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { temporaryDir } from '../testing/temporary-dir.ts'
import { inspectProcess } from './inspect-process.ts'
import { lockDataDir } from './lock-data-dir.ts'

test('one of many that come at once gets it, the next one after release', async () => {
  await using dir = await temporaryDir()
  const results = await Promise.allSettled(Array.from({ length: 8 }, () => lockDataDir(dir.path)))
  const winners = results.filter((result) => result.status === 'fulfilled')
  expect(winners).toHaveLength(1)
  expect(results.filter((result) => result.status === 'rejected')).toHaveLength(7)
  await winners[0]?.value.release()
  expect(await readdir(dir.path)).toEqual([])
  await (await lockDataDir(dir.path)).release()
})

test('names the process that holds it', async () => {
  await using dir = await temporaryDir()
  await lockDataDir(dir.path)
  await expect(lockDataDir(dir.path)).rejects.toMatchObject({
    code: 'data_dir_in_use',
    message: `${dir.path} is in use by process ${process.pid}`,
  })
})

test.each([
  ['a dead process', '2147483646 then'],
  ['a living process that took the pid of a dead one', `${process.pid} long ago`],
  ['nobody, torn', ''],
])('a lock of %s is taken over by one of many', async (_, content) => {
  await using dir = await temporaryDir()
  await writeFile(join(dir.path, 'owner'), content)
  const results = await Promise.allSettled(Array.from({ length: 8 }, () => lockDataDir(dir.path)))
  expect(results.filter((result) => result.status === 'fulfilled')).toHaveLength(1)
  expect(await readdir(dir.path)).toEqual(['owner'])
})

test('a process is told from others by when it began', async () => {
  const [first, again] = [await inspectProcess(process.pid), await inspectProcess(process.pid)]
  expect(first?.startedAt).toBe(again?.startedAt)
  expect(first?.startedAt).not.toBe((await inspectProcess(process.ppid))?.startedAt)
  expect(await inspectProcess(2_147_483_646)).toBeNull()
})
