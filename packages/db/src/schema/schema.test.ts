import { readdir, readFile } from 'node:fs/promises'
import { generateDrizzleJson, generateMigration } from 'drizzle-kit/api'
import { expect, test } from 'vitest'
import * as schema from './index.ts'

const META = new URL('../../../../drizzle/meta/', import.meta.url)

test('the migrations hold the whole schema: `npm run db:generate` has nothing to add', async () => {
  const snapshots = (await readdir(META)).filter((name) => name.endsWith('_snapshot.json')).toSorted()
  const latest = JSON.parse(await readFile(new URL(snapshots.at(-1) ?? '', META), 'utf8'))
  const current = generateDrizzleJson(schema, undefined, undefined, 'snake_case')
  expect(await generateMigration(latest, current)).toEqual([])
})
