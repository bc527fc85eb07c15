import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { instanceIdOf } from './instance-id.ts'

test('an instance keeps its name on its data directory; two directories have two names', () => {
  const [one, other] = [mkdtempSync(join(tmpdir(), 'turnpike-')), mkdtempSync(join(tmpdir(), 'turnpike-'))]
  try {
    const id = instanceIdOf(one)
    expect(id).toMatch(/^[A-Za-z0-9._-]{1,80}$/)
    expect(instanceIdOf(one)).toBe(id)
    expect(instanceIdOf(other)).not.toBe(id)
    writeFileSync(join(one, 'instance-id'), 'not a\nname')
    expect(instanceIdOf(one)).not.toContain('\n')
  } finally {
    for (const directory of [one, other]) rmSync(directory, { recursive: true })
  }
})
