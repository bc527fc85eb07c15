import { expect, test } from 'vitest'
import { type Log, silentLog } from './logger.ts'
import { warnOnceInARow } from './once-in-a-row.ts'

test('says once of each kind that work fails, and once that it is done again', async () => {
  const said: string[] = []
  const say = (level: string) => (_fields: unknown, message: string) => void said.push(`${level} ${message}`)
  const log: Log = { ...silentLog, warn: say('warn'), info: say('info'), error: say('error') }
  let failure: Error | null = null
  const work = warnOnceInARow(
    async () => {
      if (failure !== null) throw failure
    },
    { failing: 'not now', again: 'again' },
    log,
  )
  await work()
  failure = new Error('away')
  await work()
  await work()
  failure = new TypeError('not only away')
  await work()
  await work()
  failure = null
  await work()
  await work()
  failure = new Error('away')
  await work()
  expect(said).toEqual(['warn not now', 'warn not now', 'info again', 'warn not now'])
})
