import type { Call } from './call.ts'
import { GatewayError } from './errors.ts'
import type { Candidate, Lease, RelayPorts } from './ports.ts'
import {
  decidedByWaiting,
  firstReturnAtMs,
  type Selection,
  type SelectionInput,
  selectAccount,
} from './select-account.ts'
import type { Story } from './story.ts'

export const ACCOUNT_WAIT_MS = 30_000
/** A session waits this long for its own account when no other is free either; else as long as its group says. */
export const STICKY_ONLY_WAIT_MS = 45_000
const MIN_RETURN_SECONDS = 1
const MAX_RETURN_SECONDS = 60
/** A free account can be taken by somebody else between look and grasp; then we look again, this often at most. */
const MAX_LOOKS = 8

export interface Route {
  candidate: Candidate
  lease: Lease
}

/**
 * Steps 7 and 8: an account and a slot on it. Adds to the story what was decided and how long it waited.
 * Throws model_not_found, no_available_accounts, account_concurrency_limit, ClientLeft.
 */
export async function findRoute(story: Story, tried: ReadonlySet<number>, ports: RelayPorts): Promise<Route> {
  const { call } = story
  const candidates = ports.accounts.candidates(call.caller.group.id, call.body.model)
  if (candidates.length === 0) throw new GatewayError('model_not_found', { param: 'model' })
  const sessionKey = sessionKeyOf(call)
  const waitedFor = new Set<number>()
  for (let look = 0; look < MAX_LOOKS; look++) {
    const selection = selectAccount({
      candidates,
      tried,
      waitedFor,
      session: sessionKey === null ? null : sessionOf(sessionKey, ports),
      madeBy: story.madeBy,
      hasEncryptedReasoning: call.body.hasEncryptedReasoning && call.protocol === 'responses',
      random: ports.random,
      nowMs: ports.clock.now(),
    })
    if (selection.kind === 'none' && waitedFor.size > 0) break
    story.decision = selection.decision
    const taken = takeSelected(selection, story, ports)
    const route = taken instanceof Promise ? await taken : taken
    if (route !== null) {
      const { accountId } = route.candidate
      if (selection.kind === 'wait') story.decision = decidedByWaiting(story.decision, accountId)
      if (sessionKey !== null) ports.accounts.bind(sessionKey, accountId)
      return route
    }
    if (selection.kind === 'wait') break
    // The session's account stayed full: the others may have it.
    if (selection.kind === 'wait_bound') waitedFor.add(selection.candidate.accountId)
  }
  story.decision = { ...story.decision, chosen: null }
  throw new GatewayError('account_concurrency_limit')
}

function sessionOf(key: string, { accounts }: RelayPorts): SelectionInput['session'] {
  return { key, boundTo: accounts.boundAccount(key), servedBy: accounts.servingAccount(key) }
}

function takeSelected(selection: Selection, story: Story, ports: RelayPorts): Route | null | Promise<Route | null> {
  const { requestId, client, caller } = story.call
  const { stickyWaitMs } = caller.group
  switch (selection.kind) {
    case 'take': {
      const { candidate } = selection
      const taken = ports.slots.takeAccount(candidate, requestId)
      const routeOf = (lease: Lease | null) => lease && { candidate, lease }
      return taken instanceof Promise ? taken.then(routeOf) : routeOf(taken)
    }
    case 'wait_bound':
      return waitFor(story, [selection.candidate], selection.isOtherFree ? stickyWaitMs : STICKY_ONLY_WAIT_MS, ports)
    case 'wait':
      return waitFor(story, selection.order, ACCOUNT_WAIT_MS, ports)
    case 'none':
      throw new GatewayError('no_available_accounts', { retryAfterMs: returnMs(selection.returnsAtMs, ports) })
  }

  async function waitFor(
    { call }: Story,
    order: Candidate[],
    waitMs: number,
    { slots, clock }: RelayPorts,
  ): Promise<Route | null> {
    const since = clock.monotonic()
    try {
      if (call.caller.group.onBusy === 'fail') return null
      for (const candidate of order) {
        const leftMs = waitMs - (clock.monotonic() - since)
        if (leftMs <= 0) return null
        const lease = await slots.waitForAccount(candidate, { requestId, waitMs: leftMs, client })
        if (lease !== null) return { candidate, lease }
      }
      return null
    } finally {
      const waited = clock.monotonic() - since
      story.queueMs += waited
      story.accountQueueMs += waited
    }
  }
}

/** Nobody can serve the request now: with when the first account of the group returns. */
export function noAvailableAccounts({ call, madeBy }: Story, ports: RelayPorts): GatewayError {
  const candidates = ports.accounts.candidates(call.caller.group.id, call.body.model)
  const returnsAtMs = firstReturnAtMs({ candidates, madeBy, nowMs: ports.clock.now() })
  return new GatewayError('no_available_accounts', { retryAfterMs: returnMs(returnsAtMs, ports) })
}

/** Explicit sessions only: what the caller names, within his group. */
export function sessionKeyOf({ session, caller }: Call): string | null {
  return session === null || caller.group.stickiness === 'off' ? null : `${caller.group.id}:${session}`
}

function returnMs(returnsAtMs: number | null, { clock }: RelayPorts): number {
  const seconds = returnsAtMs === null ? MAX_RETURN_SECONDS : Math.ceil((returnsAtMs - clock.now()) / 1000)
  return Math.min(Math.max(seconds, MIN_RETURN_SECONDS), MAX_RETURN_SECONDS) * 1000
}
