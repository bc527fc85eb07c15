import { EventEmitter } from 'node:events'
import { freshDatabase } from '@turnpike/db/testing'
import { expect, test } from 'vitest'
import { type Log, silentLog } from '../../../shared/logger.ts'
import type { RedisClient } from '../../../shared/redis.ts'
import { openAccountChannel } from './account-channel.ts'

/** A Redis that says whether it is there, and tells nothing. */
function fakeRedis() {
  let isReady = true
  const subscriber = Object.assign(new EventEmitter(), { subscribe: async () => 1 })
  const redis = { subscriber, commands: { publish: async () => 0 }, isReady: () => isReady } as unknown as RedisClient
  return {
    redis,
    setReady(value: boolean) {
      isReady = value
    },
  }
}

test('what was missed while Redis and then the database were away is read when both are back, without an error', async () => {
  await using fresh = await freshDatabase()
  const { sql } = fresh
  await sql`insert into accounts (name, provider, base_url, protocol, secret_sealed, secret_last4, health)
    values ('a', 'openai', 'x', 'chat', '', '', ${sql.json({ coolingReason: 'unauthorized' })})`
  const said: string[] = []
  const say = (level: string) => (_fields: unknown, message: string) => void said.push(`${level} ${message}`)
  const log: Log = { ...silentLog, error: say('error'), warn: say('warn'), info: say('info') }
  const { redis, setReady } = fakeRedis()
  let adopted = 0
  const accounts = { adopt: () => void adopted++, clear() {} }
  const channel = await openAccountChannel({ redis, namespace: 'n', bootId: 'boot', accounts, sql, log })
  try {
    await sql`alter table accounts rename to elsewhere`
    setReady(false)
    await expect.poll(() => said).toEqual(['warn what other instances stored of accounts cannot be read for now'])
    setReady(true)
    await sql`alter table elsewhere rename to accounts`
    await expect.poll(() => adopted).toBe(1)
    await expect.poll(() => said.at(-1)).toBe('info what other instances stored of accounts is read again')
  } finally {
    await channel.close()
  }
})
