import type { AccountLive } from '@turnpike/core/gateway/ports'
import type { RedisCommands } from '../../../../shared/redis.ts'
import type { Membership } from './membership.ts'
import type { Load } from './side.ts'

/** Accounts are ordered by loads no older than this (gateway.md, "Coordination"). */
export const LOADS_EVERY_MS = 150
const IDLE_AFTER_MS = 2_000

interface AccountLoad {
  live: AccountLive
  own: Load
  others: Load
}

export type Loads = ReturnType<typeof createLoads>

interface LoadsOptions {
  commands: RedisCommands
  namespace: string
  membership: Membership
  monotonic: () => number
}

/** How loaded accounts are by all instances together: what this one holds is exact, what the others hold is read. */
export function createLoads({ commands, namespace, membership, monotonic }: LoadsOptions) {
  const key = `${namespace}:loads`
  const accounts = new Map<number, AccountLoad>()
  let usedAt = Number.NEGATIVE_INFINITY

  function of(accountId: number, live: AccountLive): AccountLoad {
    let load = accounts.get(accountId)
    if (load === undefined || load.live !== live) {
      load = { live, own: { held: 0, waiting: 0 }, others: { held: 0, waiting: 0 }, ...load }
      load.live = live
      accounts.set(accountId, load)
    }
    return load
  }

  function show({ live, own, others }: AccountLoad): void {
    live.inFlight = own.held + others.held
    live.waiting = own.waiting + others.waiting
  }

  function change(accountId: number, live: AccountLive, what: keyof Load, by: number): void {
    usedAt = monotonic()
    const load = of(accountId, live)
    load.own[what] = Math.max(0, load.own[what] + by)
    show(load)
  }

  /** What a script said of the account, this instance's share included. */
  function learn(accountId: number, { held, waiting }: Load): void {
    const load = accounts.get(accountId)
    if (load === undefined) return
    load.others = { held: Math.max(0, held - load.own.held), waiting: Math.max(0, waiting - load.own.waiting) }
    show(load)
  }

  /** Tells the others and hears of them; nothing where no account was used for a while. */
  async function exchange(): Promise<void> {
    if (monotonic() - usedAt > IDLE_AFTER_MS) return
    const own = [...accounts].flatMap(
      ([
        id,
        {
          own: { held, waiting },
        },
      ]) => (held + waiting > 0 ? [`${id}:${held}:${waiting}`] : []),
    )
    const [, told] = await Promise.all([commands.hset(key, membership.me(), own.join(' ')), commands.hgetall(key)])
    for (const load of accounts.values()) load.others = { held: 0, waiting: 0 }
    const living = new Set(membership.living().split(','))
    const gone: string[] = []
    for (const [id, text] of Object.entries(told)) {
      if (!living.has(id)) gone.push(id)
      else if (id !== membership.me()) addAll(text)
    }
    for (const load of accounts.values()) show(load)
    if (gone.length > 0) await commands.hdel(key, ...gone)
  }

  function addAll(text: string): void {
    for (const one of text === '' ? [] : text.split(' ')) {
      const [id = 0, held = 0, waiting = 0] = one.split(':').map(Number)
      const load = accounts.get(id)
      if (load === undefined) continue
      load.others.held += held
      load.others.waiting += waiting
    }
  }

  /** The others are out of sight: only what this instance holds counts, and somebody else counts it. */
  function forgetAll(): void {
    for (const load of accounts.values()) {
      load.live.inFlight = 0
      load.live.waiting = 0
    }
    accounts.clear()
  }

  return { change, learn, exchange, forgetAll }
}
