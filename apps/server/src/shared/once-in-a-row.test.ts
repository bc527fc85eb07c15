import { expect, test } from 'vitest'
import { type Log, silentLog } from './logger.ts'
import { warnOnceInARow } from './once-in-a-row.ts'

test('says once that work fails, and once that it is done again', async () => {
  const said: string[] = []
  const say = (level: string) => (_fields: unknown, message: string) => void said.push(`${level} ${message}`)
  const log: Log = { ...silentLog, warn: say('warn'), info: say('info'), error: say('error') }
  let isAway = false
  const work = warnOnceInARow(
    async () => {
      if (isAway) throw new Error('away')
    },
    { failing: 'not now', again: 'again' },
    log,
  )
  await work()
  isAway = true
  await work()
  await work()
  isAway = false
  await work()
  await work()
  isAway = true
  await work()
  expect(said).toEqual(['warn not now', 'info again', 'warn not now'])
})
