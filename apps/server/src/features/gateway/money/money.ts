import { estimateNano } from '@turnpike/core/billing/estimate'
import type { PriceList } from '@turnpike/core/billing/price'
import { GatewayError } from '@turnpike/core/gateway/errors'
import type { Money, Reservation, ReserveRequest } from '@turnpike/core/gateway/ports'
import type { PurseKind } from '@turnpike/core/words'
import { balanceMismatches, sweepLeases, windowMismatches } from '@turnpike/db'
import type { Sql } from 'postgres'
import { book, type Credit } from './credit.ts'
import type { Hold, Want } from './purse.ts'
import { createPurses, LEASE_SECONDS, type PursesOptions } from './purses.ts'
import { createSubscriptions } from './subscriptions.ts'

export const RENEW_EVERY_MS = 10_000
export const SWEEP_EVERY_MS = 10_000
export const TIDY_EVERY_MS = 500
export const CHECK_EVERY_MS = 5 * 60_000
export const CHECK_LEDGER_EVERY_MS = 3_600_000

export interface MoneyOptions extends PursesOptions {
  prices: () => PriceList
  /** For the checks, which may take longer than a request could wait. */
  checkSql: Sql
}

/** How credit is had of a purse. */
type Take = (kind: PurseKind, ownerId: number, want: Want) => Hold | Promise<Hold>

interface Pending {
  credits: readonly Credit[]
  billedNano: number
}

/** Money on the request path (accounts-and-billing.md, "Money"): estimates, credit leased for them, and what becomes of it. */
export function createMoney(options: MoneyOptions) {
  const { sql, checkSql, now, monotonic, log, prices } = options
  const purses = createPurses(options)
  const subscriptions = createSubscriptions({ sql, now })
  /** Billed requests whose ledger rows are on their way. */
  const pending = new Map<string, Pending>()
  let wasAwayAt = Number.NEGATIVE_INFINITY
  let mismatches = 0

  const port = moneyFrom((kind, ownerId, want) => purses.purseOf(kind, ownerId).take(want))
  const lookingPort = moneyFrom(purses.look)

  function moneyFrom(purse: Take): Money {
    function reserve(request: ReserveRequest): Reservation | null | Promise<Reservation | null> {
      const { billing } = request.group
      if (billing === 'none' && !request.hasSpendingLimit) return null
      // Nobody serves the model: that is for the choice of an account to say.
      if (request.candidates.length === 0) return null
      const want = wantOf(request)
      const key = request.hasSpendingLimit ? purse('key', request.keyId, want) : null
      return key instanceof Promise
        ? key.then((hold) => reserveWith(request, want, hold))
        : reserveWith(request, want, key)
    }

    function reserveWith(request: ReserveRequest, want: Want, key: Hold | null): Reservation | Promise<Reservation> {
      const { userId, group } = request
      const held = key === null ? [] : [key]
      if (group.billing === 'none') return reservation(request, held, null)
      const taken = group.billing === 'balance' ? fromBalance() : fromSubscription()
      if (!(taken instanceof Promise)) return taken
      return taken.catch((error: unknown) => {
        key?.settle(0)
        throw error
      })

      function fromBalance(): Reservation | Promise<Reservation> {
        return then(purse('balance', userId, want), (hold) => reservation(request, [...held, hold], null))
      }

      function fromSubscription(): Reservation | Promise<Reservation> {
        return then(subscriptions.find(userId, group.id), (id) =>
          then(purse('subscription', id, want), (hold) => reservation(request, [...held, hold], id)),
        )
      }
    }

    return { reserve }
  }

  function wantOf({ group, candidates, inputBytes, maxOutputTokens, atMs }: ReserveRequest): Want {
    const found = candidates.map(({ upstreamModel, provider }) => prices().priceOf(upstreamModel, provider, atMs))
    const priced = found.filter((price) => price !== null)
    if (priced.length === 0 && group.billing !== 'none') throw new GatewayError('model_not_priced')
    const { assumedOutputTokens, multiplierE4 } = group
    const request = { inputBytes, maxOutputTokens, assumedOutputTokens, multiplierE4 }
    return { nano: estimateNano(request, priced), isModest: maxOutputTokens === null }
  }

  function reservation(
    { requestId }: ReserveRequest,
    holds: readonly Hold[],
    subscriptionId: number | null,
  ): Reservation {
    let isSettled = false
    return {
      subscriptionId,
      leases: holds.map(({ credit }) => credit.id),
      settle(billedNano) {
        if (isSettled) return
        isSettled = true
        for (const hold of holds) hold.settle(billedNano)
        if (billedNano > 0) pending.set(requestId, { credits: holds.map(({ credit }) => credit), billedNano })
      },
    }
  }

  /** Whether all money is explained: by counters, or by every row of the ledger. */
  async function check(bills: 'counter' | 'ledger'): Promise<void> {
    const found = await balanceMismatches(checkSql, bills)
    const windows = bills === 'ledger' ? await windowMismatches(checkSql) : []
    mismatches = found.length + windows.length
    for (const { subscriptionId, window, spentNano, billedNano } of windows) {
      const amounts = { spentNano: String(spentNano), billedNano: String(billedNano) }
      log.error({ subscriptionId, window, ...amounts }, 'window_mismatch')
    }
    for (const { userId, heldNano, expectedNano } of found) {
      log.error({ userId, heldNano: String(heldNano), expectedNano: String(expectedNano), bills }, 'balance_mismatch')
    }
  }

  return {
    port,
    /** Answers as `port` would, and takes nothing. */
    lookingPort,
    /** What a request would have reserved, nano-dollars. Throws model_not_priced. */
    estimateNano: (request: ReserveRequest) => wantOf(request).nano,
    /** The ledger has these requests. */
    onShipped(requestIds: Iterable<string>): void {
      if (pending.size === 0) return
      for (const requestId of requestIds) {
        const shipped = pending.get(requestId)
        if (shipped === undefined) continue
        pending.delete(requestId)
        for (const credit of shipped.credits) book(credit, shipped.billedNano)
      }
    },
    /** Limits of groups, subscriptions or the time zone may have changed. */
    onConfigChange(): void {
      subscriptions.forget()
      purses.retire('subscription')
    },
    /** Limits of keys may have changed, and balances of users. */
    onKeysChange(changed: { userIds: readonly number[] } | null): void {
      purses.retire('key')
      for (const userId of changed?.userIds ?? []) purses.retireOf('balance', userId)
    },
    renew: purses.renew,
    tidy: purses.tidy,
    /** Returns what dead instances held; but not while those that live may not have had a chance to renew theirs. */
    async sweep(): Promise<void> {
      if (purses.isAway()) wasAwayAt = monotonic()
      if (monotonic() - wasAwayAt < LEASE_SECONDS * 1_000) return
      const returned = await sweepLeases(sql).catch((error: unknown) => {
        wasAwayAt = monotonic()
        log.warn({ err: error }, 'credit of instances that are gone could not be returned')
        return 0
      })
      if (returned > 0) log.info({ leases: returned }, 'credit of instances that are gone was returned')
    },
    /** The next round comes; meanwhile nothing is known, which is no mismatch. */
    check: (bills: 'counter' | 'ledger') =>
      check(bills).catch((error: unknown) => log.warn({ err: error, bills }, 'balances could not be checked')),
    stats: () => ({ leasedNano: purses.leasedNano(), pending: pending.size, mismatches }),
    close: purses.close,
  }
}

function then<T, R>(value: T | Promise<T>, next: (value: T) => R | Promise<R>): R | Promise<R> {
  return value instanceof Promise ? value.then(next) : next(value)
}
