import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { parseEnv as parseFile } from 'node:util'
import { expect, test } from 'vitest'
import { ENV_NAMES, readEnv } from '../../apps/server/src/env.ts'

/** Node's own word. */
const NOT_SETTINGS = ['NODE_ENV']

const example = parseFile(await readFile(join(import.meta.dirname, '../../.env.example'), 'utf8'))

test('.env.example lists exactly the settings that the server reads', () => {
  expect(Object.keys(example).sort()).toEqual(ENV_NAMES.filter((name) => !NOT_SETTINGS.includes(name)).sort())
})

test('the values of .env.example are the defaults', () => {
  expect(readEnv({ ...example })).toEqual(readEnv({}))
})
