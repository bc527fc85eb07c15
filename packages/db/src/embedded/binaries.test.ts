import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { temporaryDir } from '../testing/temporary-dir.ts'
import { linkLibraries } from './binaries.ts'

test('makes the missing links of the libraries, however many do so at once', async () => {
  await using dir = await temporaryDir()
  const lib = join(dir.path, 'native', 'lib')
  await mkdir(lib, { recursive: true })
  await writeFile(join(lib, 'libpq.so.5.18'), 'library')
  await writeFile(
    join(dir.path, 'native', 'pg-symlinks.json'),
    JSON.stringify([{ source: 'native/lib/libpq.so.5.18', target: 'native/lib/libpq.so.5' }]),
  )
  await Promise.all([linkLibraries(dir.path), linkLibraries(dir.path), linkLibraries(dir.path)])
  expect(await readFile(join(lib, 'libpq.so.5'), 'utf8')).toBe('library')
})

test('says what to do where a link cannot be made', async () => {
  await using dir = await temporaryDir()
  await mkdir(join(dir.path, 'native'))
  await writeFile(
    join(dir.path, 'native', 'pg-symlinks.json'),
    JSON.stringify([{ source: 'native/lib/libpq.so.5.18', target: 'native/lib/libpq.so.5' }]),
  )
  await expect(linkLibraries(dir.path)).rejects.toMatchObject({ code: 'binaries_unusable' })
})
