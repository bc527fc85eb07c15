import { GatewayError } from '@turnpike/core/gateway/errors'
import type { MadeResponse, ResponseBook } from '@turnpike/core/gateway/ports'
import { LRUCache } from 'lru-cache'
import { within } from '../../../shared/deadline.ts'
import type { Log } from '../../../shared/logger.ts'

/** Coordination knows a response this long; then the ledger is asked (gateway.md step 7). */
export const REMEMBER_MS = 86_400_000
/** Responses remembered in this process; the least recently used ones are looked up again. */
export const MAX_REMEMBERED = 50_000
export const SHARED_TIMEOUT_MS = 250
export const LEDGER_TIMEOUT_MS = 1_000

/** What instances share: any key-value store of Redis' kind. */
export interface SharedResponses {
  get(key: string): Promise<string | null>
  set(key: string, value: string, seconds: 'EX', ttl: number): Promise<unknown>
}

interface ResponseBookOptions {
  /** Null where there is one instance: it knows what was made. */
  shared: SharedResponses | null
  /** Asks the ledger. */
  lookUp(userId: number, responseId: string): Promise<MadeResponse | null>
  log: Log
}

/** Who made which response: kept in memory, shared by the instances for a day, and in the ledger for good. */
export function createResponseBook({ shared, lookUp, log }: ResponseBookOptions): ResponseBook {
  // The user is part of the name: what is another's cannot even be found.
  const known = new LRUCache<string, MadeResponse>({ max: MAX_REMEMBERED, ttl: REMEMBER_MS })

  async function findElsewhere(userId: number, responseId: string): Promise<MadeResponse | null> {
    const name = nameOf(userId, responseId)
    const made = (await findShared(name)) ?? (await findInLedger(userId, responseId))
    if (made !== null) known.set(name, made)
    return made
  }

  async function findShared(name: string): Promise<MadeResponse | null> {
    if (shared === null) return null
    // Redis slow or gone: the ledger knows too.
    const text = await within(SHARED_TIMEOUT_MS, shared.get(name)).catch(() => null)
    return text === null ? null : parseMade(text)
  }

  async function findInLedger(userId: number, responseId: string): Promise<MadeResponse | null> {
    try {
      return await within(LEDGER_TIMEOUT_MS, lookUp(userId, responseId))
    } catch (cause) {
      log.warn({ err: cause }, 'the ledger could not be asked who made a response')
      throw new GatewayError('ledger_unavailable', { cause })
    }
  }

  return {
    find: (userId, responseId) => known.get(nameOf(userId, responseId)) ?? findElsewhere(userId, responseId),
    remember(userId, responseId, made) {
      const name = nameOf(userId, responseId)
      known.set(name, made)
      // Nobody waits for it: where it fails, the ledger knows a moment later.
      shared?.set(name, formatMade(made), 'EX', REMEMBER_MS / 1000).catch(() => {})
    },
  }
}

function nameOf(userId: number, responseId: string): string {
  return `response:${userId}:${responseId}`
}

function formatMade({ accountId, model }: MadeResponse): string {
  return `${accountId} ${model}`
}

function parseMade(text: string): MadeResponse | null {
  const [, accountId, model] = /^(\d{1,15}) (.+)$/s.exec(text) ?? []
  return accountId === undefined || model === undefined ? null : { accountId: Number(accountId), model }
}
