import type { OpsLeasesList } from '@turnpike/core/inputs/ops'
import type { Db } from '@turnpike/db'
import type { Sql } from 'postgres'
import { AppError } from '../../../shared/app-error.ts'
import { type Actor, recordAudit } from '../../../shared/audit.ts'
import { pageOf } from '../../../shared/keyset.ts'
import type { InstanceBus } from '../live/instance-bus.ts'
import { type RunningRequest, RunningRequests } from './running-request.ts'

/** What this instance serves now. */
export interface OwnRequests {
  list(): RunningRequest[]
  /** Ends one; false = it is not here. */
  release(requestId: string): boolean
}

interface LeasesOptions {
  database: Db
  own: OwnRequests
  /** Null = there is one instance. */
  bus: Pick<InstanceBus, 'ask'> | null
}

/** Slots in use of one user, key, group or account. */
export interface SlotUse {
  id: number
  name: string
  inUse: number
  /** 0 = no limit; null = it has none of its own. */
  capacity: number | null
  /** Requests that wait for one. */
  waiting: number
}

export type Leases = ReturnType<typeof createLeases>

/** Requests that run and the slots they hold, over all instances. */
export function createLeases({ database: { db, sql }, own, bus }: LeasesOptions) {
  async function running(): Promise<{ requests: RunningRequest[]; missingInstances: string[] }> {
    const { answers, missing } = (await bus?.ask({ kind: 'requests' })) ?? { answers: [], missing: [] }
    const others = answers.flatMap((answer) => RunningRequests.safeParse(answer).data ?? [])
    return { requests: [...own.list(), ...others], missingInstances: missing }
  }

  /** The longest running first. */
  async function list({ limit, cursor, ...filters }: OpsLeasesList) {
    const { requests, missingInstances } = await running()
    const matching = requests
      .filter((request) => isMeant(request, filters))
      .toSorted((a, b) => (a.requestId < b.requestId ? -1 : 1))
      .filter(({ requestId }) => !cursor || requestId > cursor)
    const page = pageOf(matching.slice(0, limit + 1), limit, ({ requestId }) => requestId)
    return { ...page, total: matching.length, missingInstances }
  }

  /** Ends a request wherever it runs; it gets an outcome and gives its slots back. Throws `not_found`, `timeout`. */
  async function release(requestId: string, actor: Actor): Promise<{ released: true }> {
    if (!own.release(requestId)) {
      const { answers, missing } = (await bus?.ask({ kind: 'release', requestId })) ?? { answers: [], missing: [] }
      if (!answers.includes(true))
        throw new AppError(missing.length > 0 ? 'timeout' : 'not_found', { field: 'requestId' })
    }
    await db.transaction((tx) =>
      recordAudit(tx, actor, {
        action: 'ops.leases.release',
        target: { type: 'request', id: requestId },
        change: {},
      }),
    )
    return { released: true }
  }

  async function concurrency() {
    const { requests, missingInstances } = await running()
    const ids = (of: (request: RunningRequest) => number | null) => [
      ...new Set(requests.flatMap((each) => of(each) ?? [])),
    ]
    const names = await namesOf(sql, {
      users: ids(({ userId }) => userId),
      keys: ids(({ keyId }) => keyId),
      groups: ids(({ groupId }) => groupId),
    })
    const isWaiting = ({ userSlotMs, model }: RunningRequest) => userSlotMs === null && model !== null
    const use = (of: (request: RunningRequest) => number | null, known: readonly Named[]): SlotUse[] =>
      known
        .map(({ id, name, capacity }) => {
          const mine = requests.filter((request) => of(request) === id)
          const waiting = mine.filter(isWaiting).length
          return { id, name, capacity, waiting, inUse: mine.filter(({ userSlotMs }) => userSlotMs !== null).length }
        })
        .toSorted((a, b) => b.inUse - a.inUse || a.id - b.id)
    return {
      inFlight: requests.length,
      waiting: requests.filter(isWaiting).length,
      users: use(({ userId }) => userId, names.users),
      keys: use(({ keyId }) => keyId, names.keys),
      groups: use(({ groupId }) => groupId, names.groups),
      accounts: names.accounts
        .map(({ id, name, capacity }) => ({
          id,
          name,
          capacity,
          inUse: requests.filter(({ accountId }) => accountId === id).length,
        }))
        .toSorted((a, b) => b.inUse - a.inUse || a.id - b.id),
      missingInstances,
    }
  }

  return { list, release, concurrency }
}

function isMeant(
  request: RunningRequest,
  { userId, keyId, groupId, accountId, model, instanceId }: Omit<OpsLeasesList, 'limit' | 'cursor'>,
): boolean {
  return (
    (userId === undefined || request.userId === userId) &&
    (keyId === undefined || request.keyId === keyId) &&
    (groupId === undefined || request.groupId === groupId) &&
    (accountId === undefined || request.accountId === accountId) &&
    (model === undefined || request.model === model) &&
    (instanceId === undefined || request.instanceId === instanceId)
  )
}

interface Named {
  id: number
  name: string
  capacity: number | null
}

const MAX_ACCOUNTS = 1_000

async function namesOf(sql: Sql, { users, keys, groups }: { users: number[]; keys: number[]; groups: number[] }) {
  const [userRows, keyRows, groupRows, accountRows] = await Promise.all([
    sql<Named[]>`select id::float8 as id, email as name, concurrency as capacity from users where id = any(${users})`,
    sql<Named[]>`select id::float8 as id, name, concurrency as capacity from api_keys where id = any(${keys})`,
    sql<Named[]>`select id::float8 as id, name, null::int as capacity from groups where id = any(${groups})`,
    sql<Named[]>`select id::float8 as id, name, concurrency as capacity from accounts
      where status <> 'archived' order by id limit ${MAX_ACCOUNTS}`,
  ])
  return { users: userRows, keys: keyRows, groups: groupRows, accounts: accountRows }
}
