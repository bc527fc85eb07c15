import type { Caller } from '@turnpike/core/gateway/call'
import { type DryRun, dryRun, ROUTE_STEPS, type RouteStep } from '@turnpike/core/gateway/dry-run'
import { GatewayError } from '@turnpike/core/gateway/errors'
import type { ReserveRequest } from '@turnpike/core/gateway/ports'
import type { OpsExplainRoute } from '@turnpike/core/inputs/explain-route'
import type { Sql } from 'postgres'
import { AppError } from '../../../shared/app-error.ts'
import type { ConfigStore } from '../config/config-store.ts'
import { type CallerOf, checkAddress } from '../http/caller.ts'
import { checkUsable } from '../keys/authenticate.ts'
import { type KeyRecord, keyById, plainKeyOf } from '../keys/key-store.ts'
import { explainedCall } from './explained-call.ts'
import type { ExplainedRoute, RouteVerdict } from './explained-route.ts'
import { explainedSteps, toRefusal } from './explained-steps.ts'
import { type LookedAt, lookingPorts, type Sight } from './looking-ports.ts'

export type ExplainRoute = (asked: OpsExplainRoute) => Promise<ExplainedRoute>

interface ExplainRouteOptions extends Omit<LookedAt, 'money'> {
  sql: Sql
  config: Pick<ConfigStore, 'current' | 'reload' | 'isTooOld'>
  callerOf: Pick<CallerOf, 'relayCaller'>
  money: LookedAt['money'] & {
    /** What a request would have reserved, nano-dollars. Throws model_not_priced. */
    estimateNano(request: ReserveRequest): number
  }
  /** True while requests are turned away. */
  isClosed(): boolean
}

/**
 * Which way a request would go now, and why (ops.md, "explainRoute"): told by the functions that real requests go through, on
 * ports that only look. Throws `not_found`.
 */
export function createExplainRoute(options: ExplainRouteOptions): ExplainRoute {
  const { sql, config, callerOf, ports, money, isClosed } = options

  return async function explainRoute(asked) {
    const nowMs = ports.clock.now()
    const key = await keyOf(asked)
    if (!config.current().groups.has(key.groupId)) await config.reload().catch(() => {})
    const caller = orRefusal(() => callerOf.relayCaller(key))
    const refusal = refusalOf(() => enter(key, asked, nowMs)) ?? (caller instanceof GatewayError ? caller : null)
    const route = {
      at: new Date(nowMs).toISOString(),
      endpoint: asked.endpoint,
      model: asked.model,
      key: toKey(key, asked, refusal),
    }
    if (caller instanceof GatewayError) return { ...route, verdict: refusedBy('key', refusal ?? caller), steps: null }
    const { run, inVain, sight } = await walk(asked, caller, nowMs)
    const verdict = refusal === null ? verdictOf(run, sight) : refusedBy('key', refusal)
    const steps = explainedSteps({ run, sight, inVain, estimateNano: money.estimateNano, price: ports.price })
    return { ...route, verdict, steps }
  }

  async function keyOf({ keyId, userId, groupId }: OpsExplainRoute): Promise<KeyRecord> {
    const found = keyId === undefined ? await plainKeyOf(sql, userId ?? 0, groupId ?? 0) : await keyById(sql, keyId)
    if (found === null) throw new AppError('not_found', { field: keyId === undefined ? 'userId' : 'keyId' })
    return found
  }

  function enter(key: KeyRecord, { clientIp }: OpsExplainRoute, nowMs: number): void {
    if (isClosed()) throw new GatewayError('overloaded')
    if (config.isTooOld()) throw new GatewayError('control_plane_unavailable')
    checkUsable(key, nowMs)
    if (clientIp !== undefined) checkAddress(key, clientIp)
  }

  async function walk(asked: OpsExplainRoute, caller: Caller, nowMs: number) {
    const call = explainedCall(asked, caller, nowMs)
    const looking = await lookingPorts(options, call, true)
    const run = await dryRun(call, looking.ports)
    const waits = looking.sight.queues.length > 0
    const inVain = waits ? await dryRun(call, (await lookingPorts(options, call, false)).ports) : null
    return { run, inVain, sight: looking.sight }
  }
}

/** The first refusal on the way is the one a caller would be told. */
function verdictOf({ refusals, candidate }: DryRun, { admission, queues }: Sight): RouteVerdict {
  for (const step of ROUTE_STEPS) {
    const refusal = refusals[step]
    if (refusal !== null) return refusedBy(step, refusal)
  }
  if (candidate === null) throw new Error('a way that nothing refuses leads to an account')
  const { accountId } = candidate
  const waitsFor = admission?.waitsFor ?? null
  if (waitsFor !== null) {
    return { kind: 'waits', for: waitsFor === 'key_concurrency_limit' ? 'key_slot' : 'user_slot', accountId }
  }
  return queues.length > 0 ? { kind: 'waits', for: 'account', accountId } : { kind: 'served', accountId }
}

function refusedBy(step: 'key' | RouteStep, refusal: GatewayError): RouteVerdict {
  return { kind: 'refused', step, refusal: toRefusal(refusal) }
}

function refusalOf(check: () => void): GatewayError | null {
  const refusal = orRefusal(check)
  return refusal instanceof GatewayError ? refusal : null
}

/** What it gives, or what it refuses with. */
function orRefusal<T>(give: () => T): T | GatewayError {
  try {
    return give()
  } catch (error) {
    if (error instanceof GatewayError) return error
    throw error
  }
}

function toKey(key: KeyRecord, { clientIp }: OpsExplainRoute, refusal: GatewayError | null): ExplainedRoute['key'] {
  return {
    keyId: key.keyId === 0 ? null : key.keyId,
    userId: key.userId,
    groupId: key.groupId,
    status: key.status,
    userStatus: key.userStatus,
    expiresAt: Number.isFinite(key.expiresAtMs) ? new Date(key.expiresAtMs).toISOString() : null,
    isAddressLimited: key.addresses !== null,
    isAddressChecked: clientIp !== undefined,
    refusal: refusal === null ? null : toRefusal(refusal),
  }
}
