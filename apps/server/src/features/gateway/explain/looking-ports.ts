import type { Call } from '@turnpike/core/gateway/call'
import type { AdmitRequest, Candidate, Lease, Money, RelayPorts } from '@turnpike/core/gateway/ports'
import { sessionKeyOf } from '@turnpike/core/gateway/route'
import { isFull } from '@turnpike/core/gateway/select-account'
import type { LiveAccounts } from '../accounts/account-book.ts'
import { ACCOUNT_QUEUE_LIMIT } from '../slots/account-slots.ts'
import type { GatewaySlots } from '../slots/in-process-slots.ts'
import type { AdmissionLook } from '../slots/user-slots.ts'

export interface LookedAt {
  ports: Omit<RelayPorts, 'accounts' | 'slots' | 'money'>
  accounts: LiveAccounts
  slots: Pick<GatewaySlots, 'look' | 'withLoads' | 'ratesLeft'>
  money: {
    /** Answers as the real one would, and takes nothing. */
    lookingPort: Money
  }
}

/** A queue the request would stand in. */
export interface AccountQueueing {
  accountId: number
  upToMs: number
  /** Who stands there before it. */
  ahead: number
}

/** What was met on the way. */
export interface Sight {
  candidates: readonly Candidate[]
  session: { boundTo: number | null; servedBy: number | null } | null
  asked: AdmitRequest | null
  admission: AdmissionLook | null
  queues: AccountQueueing[]
}

const NOTHING_HELD: Lease = { release() {} }

/**
 * The relay's ports for a request that only asks the way: they answer as the real ones would, take no slot, count in no rate,
 * bind no session, lease no credit and write nothing. Where it would queue for an account, it is served (`comesFree`) or
 * waits in vain.
 */
export async function lookingPorts(
  { ports, accounts, slots, money }: LookedAt,
  call: Call,
  comesFree: boolean,
): Promise<{ ports: RelayPorts; sight: Sight }> {
  const sessionKey = sessionKeyOf(call)
  const sight: Sight = {
    candidates: await slots.withLoads(accounts.candidates(call.caller.group.id, call.body.model)),
    session: sessionKey === null ? null : await accounts.lookAtSession(sessionKey),
    asked: null,
    admission: null,
    queues: [],
  }

  async function admit(request: AdmitRequest) {
    const admission = await slots.look(request)
    sight.asked = request
    sight.admission = admission
    if (admission.refusal !== null) throw admission.refusal
    return { ...NOTHING_HELD, hasQueued: false, rates: admission.rates, settleTokens() {}, withdraw() {} }
  }

  async function waitForAccount(candidate: Candidate, { waitMs }: { waitMs: number }): Promise<Lease | null> {
    const { accountId, live } = candidate
    if (!isFull(candidate)) return NOTHING_HELD
    if (live.waiting >= ACCOUNT_QUEUE_LIMIT) return null
    sight.queues.push({ accountId, upToMs: Math.round(waitMs), ahead: live.waiting })
    return comesFree ? NOTHING_HELD : null
  }

  return {
    sight,
    ports: {
      ...ports,
      money: money.lookingPort,
      slots: {
        admit,
        ratesLeft: slots.ratesLeft,
        takeAccount: (candidate) => (isFull(candidate) ? null : NOTHING_HELD),
        waitForAccount,
      },
      accounts: {
        candidates: () => sight.candidates,
        foreseeSession: () => null,
        boundAccount: () => sight.session?.boundTo ?? null,
        servingAccount: () => sight.session?.servedBy ?? null,
        bind() {},
        report() {},
        probe() {},
        observeTtft() {},
      },
    },
  }
}
