import type { AccountAuth, AccountStatus, Protocol, Provider } from '@turnpike/core/words'
import type { accounts } from '@turnpike/db/schema'

/** An account as the API shows it: configuration, state, and what the gateway knows of it at this moment. */
export interface Account {
  id: number
  name: string
  provider: Provider
  baseUrl: string
  protocol: Protocol
  auth: AccountAuth
  secretLast4: string
  priority: number
  weight: number
  concurrency: number
  modelMapping: Record<string, string>
  models: string[]
  groupIds: number[]
  schedulable: boolean
  status: AccountStatus
  statusReason: string | null
  coolingUntil: string | null
  coolingReason: string | null
  modelCooling: { model: string; until: string; reason: string }[]
  inFlight: number
  waiting: number
  lastUsedAt: string | null
  expiresAt: string | null
}

/** What only the running gateway knows of an account. */
export interface AccountRuntime {
  view(accountId: number): AccountView
  /** Forgets cooling, breaker and back-off. */
  clear(accountId: number): Promise<void>
}

export interface AccountView {
  inFlight: number
  waiting: number
  coolingUntilMs: number | null
  coolingReason: string | null
  modelCooling: { model: string; untilMs: number; reason: string }[]
  lastUsedAtMs: number | null
}

export type AccountRow = typeof accounts.$inferSelect

/** The row and the runtime's view as one; cooling that has passed is none. */
export function toAccount(row: AccountRow, groupIds: number[], view: AccountView, nowMs: number): Account {
  const coolingMs = Math.max(view.coolingUntilMs ?? 0, row.coolingUntil?.getTime() ?? 0)
  const isCooling = coolingMs > nowMs
  const lastUsedMs = Math.max(view.lastUsedAtMs ?? 0, row.lastUsedAt?.getTime() ?? 0)
  return {
    id: row.id,
    name: row.name,
    provider: row.provider,
    baseUrl: row.baseUrl,
    protocol: row.protocol,
    auth: row.auth,
    secretLast4: row.secretLast4,
    priority: row.priority,
    weight: row.weight,
    concurrency: row.concurrency,
    modelMapping: row.modelMapping,
    models: row.models ?? [],
    groupIds,
    schedulable: row.schedulable,
    status: row.status,
    statusReason: row.statusReason,
    coolingUntil: isCooling ? iso(coolingMs) : null,
    coolingReason: isCooling ? (view.coolingReason ?? row.coolingReason) : null,
    modelCooling: modelCooling(row, view, nowMs),
    inFlight: view.inFlight,
    waiting: view.waiting,
    lastUsedAt: lastUsedMs > 0 ? iso(lastUsedMs) : null,
    expiresAt: row.expiresAt?.toISOString() ?? null,
  }
}

function modelCooling(row: AccountRow, view: AccountView, nowMs: number): Account['modelCooling'] {
  const stored = row.modelCooling.map(({ model, until, reason }) => ({ model, untilMs: Date.parse(until), reason }))
  const byModel = new Map([...stored, ...view.modelCooling].map((entry) => [entry.model, entry]))
  return [...byModel.values()]
    .filter(({ untilMs }) => untilMs > nowMs)
    .map(({ model, untilMs, reason }) => ({ model, until: iso(untilMs), reason }))
}

function iso(ms: number): string {
  return new Date(ms).toISOString()
}
