import { accountHealthOf, type HealthChange } from '@turnpike/core/gateway/account-state'
import type { Sql } from 'postgres'
import { z } from 'zod'
import { every } from '../../../shared/every.ts'
import type { Log } from '../../../shared/logger.ts'
import { warnOnceInARow } from '../../../shared/once-in-a-row.ts'
import { type RedisClient, untilAnswered } from '../../../shared/redis.ts'
import type { LiveAccounts } from './account-book.ts'

/** While messages may be missed, what the others stored is read this often. */
const READ_EVERY_MS = 1_000
const READING = {
  failing: 'what other instances stored of accounts cannot be read for now',
  again: 'what other instances stored of accounts is read again',
}

const Message = z.discriminatedUnion('kind', [
  z.object({
    kind: z.literal('learnt'),
    from: z.string(),
    accountId: z.int(),
    change: z.enum(['cooling', 'model_cooling', 'error', 'breaker_opened', 'breaker_closed']),
    status: z.enum(['error']).nullable(),
    health: z.unknown().transform(accountHealthOf),
  }),
  z.object({ kind: z.literal('cleared'), from: z.string(), accountId: z.int() }),
])

interface AccountChannelOptions {
  redis: RedisClient
  /** In front of the channel's name: installations may share a Redis. */
  namespace: string
  bootId: string
  accounts: Pick<LiveAccounts, 'adopt' | 'clear'>
  sql: Sql
  log: Log
}

export interface AccountChannel {
  tellLearnt(accountId: number, change: HealthChange, health: unknown): void
  tellCleared(accountId: number): void
  close(): Promise<void>
}

/**
 * What one instance learns of an account reaches the others as a message; who may have missed some, because Redis was away,
 * reads what they stored.
 */
export async function openAccountChannel(options: AccountChannelOptions): Promise<AccountChannel> {
  const { redis, bootId, accounts, sql, log } = options
  const channel = `${options.namespace}:accounts`
  let mayHaveMissed = false

  function hear(heardOn: string, text: string): void {
    if (heardOn !== channel) return
    const message = parse(text)
    if (message === null || message.from === bootId) return
    if (message.kind === 'cleared') accounts.clear(message.accountId)
    else accounts.adopt(message.accountId, message)
  }

  function tell(message: z.input<typeof Message>): void {
    // Who does not hear it finds it in the database.
    redis.commands.publish(channel, JSON.stringify(message)).catch(() => {})
  }

  async function readStored(): Promise<void> {
    const isHearing = redis.isReady()
    if (!mayHaveMissed && isHearing) return
    mayHaveMissed = true
    const rows = await sql<{ id: number; health: unknown }[]>`
      select id::int as id, health from accounts where status <> 'archived' and health <> '{}'`
    for (const { id, health } of rows) {
      accounts.adopt(id, { change: null, status: null, health: accountHealthOf(health) })
    }
    // What could not be read is still missed.
    mayHaveMissed = !isHearing || !redis.isReady()
  }

  redis.subscriber.on('message', hear)
  await untilAnswered(() => redis.subscriber.subscribe(channel))
  const reading = every(READ_EVERY_MS, warnOnceInARow(readStored, READING, log), log)

  return {
    tellLearnt(accountId, { kind, status }, health) {
      tell({
        kind: 'learnt',
        from: bootId,
        accountId,
        change: kind,
        status: status === 'error' ? status : null,
        health,
      })
    },
    tellCleared: (accountId) => tell({ kind: 'cleared', from: bootId, accountId }),
    async close() {
      redis.subscriber.off('message', hear)
      await reading.stop()
    },
  }
}

/** Null = not one of our messages, or of another version. */
function parse(text: string): z.output<typeof Message> | null {
  try {
    return Message.safeParse(JSON.parse(text)).data ?? null
  } catch {
    return null
  }
}
