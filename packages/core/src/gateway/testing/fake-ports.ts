import type { AccountEvent } from '../account-state.ts'
import type { Outcome } from '../outcome.ts'
import type { AccountWait, Admission, Candidate, Lease, MadeResponse, RelayPorts, StartRecord } from '../ports.ts'
import { createRetryBudget } from '../retry-budget.ts'
import { isFull } from '../select-account.ts'
import { asBytes, fromBytes } from './bytes.ts'
import { createFakeClock, type FakeClock } from './fake-clock.ts'
import { createFakeUpstream, type FakeUpstream } from './fake-upstream.ts'

export interface FakeLease {
  of: string
  releases: number
}

export interface FakePorts extends RelayPorts {
  clock: FakeClock
  upstream: FakeUpstream
  /** Everything that matters in its order: journal lines and what is noted besides. */
  log: string[]
  leases: FakeLease[]
  /** Leases that are held now. */
  heldNow(): string[]
  reports: { accountId: number; event: AccountEvent }[]
  probes: number[]
  ttfts: number[]
  bindings: Map<string, number>
  /** Who made which response, by user and id. */
  made: Map<string, MadeResponse>
  waits: { accountId: number; waitMs: number }[]
  /** What each request counted in the end. */
  settledTokens: (number | 'withdrawn')[]
  /** What was billed of each reservation. */
  settlements: number[]
  starts: StartRecord[]
  ends: Outcome[]
  outcomes: Outcome[]
}

interface FakePortsOptions {
  candidates?: Candidate[]
  random?: () => number
  waitForAccount?: (candidate: Candidate, wait: AccountWait) => Promise<Lease | null>
  admit?: RelayPorts['slots']['admit']
  reserve?: RelayPorts['money']['reserve']
  journal?: Partial<RelayPorts['journal']>
}

/** Ports of a gateway whose every effect is written down. A token is a word; it costs a nano-dollar, billed twice. */
export function createFakePorts({
  candidates = [],
  random = () => 0.5,
  ...overrides
}: FakePortsOptions = {}): FakePorts {
  const clock = createFakeClock()
  const leases: FakeLease[] = []
  const log: string[] = []
  const record: Pick<
    FakePorts,
    'reports' | 'probes' | 'ttfts' | 'waits' | 'settledTokens' | 'settlements' | 'starts' | 'ends' | 'outcomes'
  > = {
    reports: [],
    probes: [],
    ttfts: [],
    waits: [],
    settledTokens: [],
    settlements: [],
    starts: [],
    ends: [],
    outcomes: [],
  }
  const bindings = new Map<string, number>()
  const made: FakePorts['made'] = new Map()

  function lease(of: string, candidate?: Candidate): Admission {
    const fake: FakeLease = { of, releases: 0 }
    leases.push(fake)
    if (candidate) candidate.live.inFlight++
    return {
      rates: null,
      hasQueued: true,
      settleTokens: (tokens) => void record.settledTokens.push(tokens),
      withdraw: () => void record.settledTokens.push('withdrawn'),
      release() {
        if (++fake.releases === 1 && candidate) candidate.live.inFlight--
      },
    }
  }

  return {
    ...record,
    clock,
    random,
    log,
    leases,
    heldNow: () => leases.filter(({ releases }) => releases === 0).map(({ of }) => of),
    bindings,
    slots: {
      admit: overrides.admit ?? (() => lease('user')),
      ratesLeft: () => null,
      takeAccount: (candidate) => (isFull(candidate) ? null : lease(`account ${candidate.accountId}`, candidate)),
      async waitForAccount(candidate, wait) {
        record.waits.push({ accountId: candidate.accountId, waitMs: wait.waitMs })
        return (await overrides.waitForAccount?.(candidate, wait)) ?? null
      },
    },
    money: {
      reserve:
        overrides.reserve ??
        (() => ({
          subscriptionId: null,
          leases: [],
          settle: (billedNano) => void record.settlements.push(billedNano),
        })),
    },
    accounts: {
      candidates: () => candidates,
      report(candidate, event) {
        record.reports.push({ accountId: candidate.accountId, event })
        if (event.kind === 'payment_required') candidate.blocked = 'error'
      },
      probe: ({ accountId }) => void record.probes.push(accountId),
      observeTtft: (_, ttftMs) => void record.ttfts.push(ttftMs),
      foreseeSession: () => null,
      boundAccount: (key) => bindings.get(key) ?? null,
      servingAccount: (key) => bindings.get(key) ?? null,
      bind: (key, accountId) => void bindings.set(key, accountId),
    },
    responses: {
      find: (userId, responseId) => made.get(`${userId} ${responseId}`) ?? null,
      remember: (userId, responseId, response) => void made.set(`${userId} ${responseId}`, response),
    },
    made,
    upstream: createFakeUpstream(),
    journal: {
      async start(start) {
        log.push('journal start')
        record.starts.push(start)
      },
      async end(outcome) {
        log.push('journal end')
        record.ends.push(outcome)
      },
      ...overrides.journal,
    },
    price: ({ usage }) => {
      const tokens = usage.inputTokens + usage.outputTokens
      return { costNano: tokens, billedNano: 2 * tokens }
    },
    countTokens: async (text) => text.split(/\s+/).filter((word) => word !== '').length,
    onOutcome: (outcome) => void record.outcomes.push(outcome),
    retryBudget: createRetryBudget(),
    decodeUtf8: fromBytes,
    encodeUtf8: asBytes,
    newId: () => 'new-id',
  }
}
