import { randomUUID } from 'node:crypto'
import { calendarStarts, windowStarts } from '@turnpike/core/billing/windows'
import type { GatewayErrorCode } from '@turnpike/core/gateway/errors'
import type { PurseKind } from '@turnpike/core/words'
import {
  type LeaseGrant,
  type LeaseStep,
  leaseCredit,
  type PurseName,
  releaseCredit,
  renewLeases,
  tryLeaseCredit,
} from '@turnpike/db'
import type { Sql } from 'postgres'
import { within } from '../../../shared/deadline.ts'
import type { Log } from '../../../shared/logger.ts'
import { type Credit, freeOf, isIdle } from './credit.ts'
import { createPurse, type Hold, LEASE_TIMEOUT_MS, type Purse, type PurseStep, type Want } from './purse.ts'

/** How long a lease is good without word of its instance; with the sweep behind it, what a dead one held is back in a minute. */
export const LEASE_SECONDS = 40
const LEASE_MS = LEASE_SECONDS * 1_000
/** Credit that no request wanted for so long goes back. */
const IDLE_MS = 1_000
/** A busy instance keeps no more than this free: the largest chunk. */
const MAX_FREE_NANO = 1_000_000_000

export interface PursesOptions {
  sql: Sql
  bootId: string
  instances(): number
  timeZone(): string
  now(): number
  monotonic(): number
  log: Log
}

/** Every purse this instance has leased from, and the life of those leases: renewed while they live, returned when idle. */
export function createPurses({ sql, bootId, instances, timeZone, now, monotonic, log }: PursesOptions) {
  const purses: Record<PurseKind, Map<number, Purse>> = { balance: new Map(), subscription: new Map(), key: new Map() }
  const leases = new Map<string, Credit>()
  let isAway = false

  function purseOf(kind: PurseKind, ownerId: number): Purse {
    const known = purses[kind].get(ownerId)
    if (known !== undefined) return known
    const purse = open({ kind, ownerId })
    purses[kind].set(ownerId, purse)
    return purse
  }

  function open(name: PurseName): Purse {
    return createPurse({
      lease: (step) => leaseCredit(sql, statementOf(step)),
      tryLease: (step) => tryLeaseCredit(sql, statementOf(step)),
      refusal: (grant) => refusalOf(name.kind, grant),
      newId: randomUUID,
      monotonic,
      isGood,
      onLease: (credit) => void leases.set(credit.id, credit),
      onFailure: (error) => log.warn({ err: error, purse: name.kind }, 'credit could not be leased'),
    })

    function statementOf({ credit, heldNano, wants }: PurseStep): LeaseStep {
      return {
        purse: name,
        leaseId: credit.id,
        isNew: !credit.isStored,
        bootId,
        leaseSeconds: LEASE_SECONDS,
        heldNano,
        wants,
        instances: Math.max(1, instances()),
        starts: startsOf(name.kind),
      }
    }
  }

  /** What the purse would do now; a purse that nobody used is not remembered. */
  function look(kind: PurseKind, ownerId: number, want: Want): Promise<Hold> {
    return (purses[kind].get(ownerId) ?? open({ kind, ownerId })).look(want)
  }

  /** With the database away nobody can return what is leased, so it stays good. */
  function isGood({ confirmedAt }: Credit): boolean {
    return isAway || monotonic() - confirmedAt < LEASE_MS
  }

  function startsOf(kind: PurseKind): Date[] {
    if (kind === 'balance') return []
    const zone = timeZone()
    if (kind === 'key') {
      const { day, month } = calendarStarts(now(), zone)
      return [new Date(day), new Date(month)]
    }
    const { day, week, month } = windowStarts(now(), zone)
    return [new Date(day), new Date(week), new Date(month)]
  }

  /** Leases that are gone were returned by somebody's sweep: nothing more may be taken from them. */
  async function renew(): Promise<void> {
    const mine = [...leases.values()].filter(({ isStored }) => isStored)
    const askedAt = monotonic()
    try {
      const alive = new Set(
        await within(
          LEASE_TIMEOUT_MS * 5,
          renewLeases(
            sql,
            mine.map(({ id }) => id),
            LEASE_SECONDS,
          ),
        ),
      )
      for (const credit of mine) {
        if (alive.has(credit.id)) credit.confirmedAt = Math.max(credit.confirmedAt, askedAt)
        else credit.isRetired = true
      }
      isAway = false
    } catch (error) {
      isAway = true
      log.warn({ err: error }, 'leases of credit could not be renewed')
    }
  }

  /** Gives back what nobody uses, so that others can. */
  async function tidy(): Promise<void> {
    if (isAway) return
    for (const ofKind of Object.values(purses)) {
      for (const [ownerId, purse] of ofKind) {
        const credit = purse.current()
        const isUnused = monotonic() - purse.usedAt() >= IDLE_MS
        if (credit !== null && isUnused && isIdle(credit)) credit.isRetired = true
        else if (credit !== null && !credit.isRetired) await giveSurplus(credit, isUnused ? 0 : MAX_FREE_NANO)
        if (purse.isEmpty()) ofKind.delete(ownerId)
      }
    }
    for (const credit of [...leases.values()]) {
      if (credit.isRetired && isIdle(credit)) await giveUp(credit)
    }
  }

  async function giveSurplus(credit: Credit, keepNano: number): Promise<void> {
    const surplus = Math.floor(freeOf(credit) - keepNano)
    if (surplus <= 0) return
    credit.amount -= surplus
    await release(credit, surplus)
  }

  async function giveUp(credit: Credit): Promise<void> {
    leases.delete(credit.id)
    if (credit.isStored) await release(credit, null)
  }

  /** What does not arrive goes back when the lease expires. */
  async function release(credit: Credit, nano: number | null): Promise<void> {
    await within(LEASE_TIMEOUT_MS, releaseCredit(sql, credit.id, nano)).catch((error: unknown) => {
      credit.isRetired = true
      log.warn({ err: error }, 'leased credit could not be given back; it returns when its lease ends')
    })
  }

  return {
    purseOf,
    look,
    renew,
    tidy,
    /** What the leases of these purses rest on may have changed. */
    retire(kind: PurseKind): void {
      for (const purse of purses[kind].values()) purse.retire()
    },
    /** The same of one owner's purse. */
    retireOf(kind: PurseKind, ownerId: number): void {
      purses[kind].get(ownerId)?.retire()
    },
    isAway: () => isAway,
    leasedNano: () => [...leases.values()].reduce((sum, { amount }) => sum + amount, 0),
    /** Gives everything back: nobody asks any more. */
    async close(): Promise<void> {
      const open = [...leases.values()].filter(({ isStored }) => isStored)
      leases.clear()
      await Promise.all(open.map((credit) => release(credit, null)))
    },
  }
}

const WINDOW_REFUSALS = ['daily_limit', 'weekly_limit', 'monthly_limit'] as const

function refusalOf(kind: PurseKind, { roomNano, tightest }: LeaseGrant): GatewayErrorCode {
  if (kind === 'balance') return 'insufficient_balance'
  if (kind === 'key') return 'key_spending_limit'
  return roomNano === null ? 'subscription_expired' : (WINDOW_REFUSALS[(tightest ?? 1) - 1] ?? 'daily_limit')
}
