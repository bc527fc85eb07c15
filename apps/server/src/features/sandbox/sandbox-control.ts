import type { Db } from '@turnpike/db'
import { type Fault, faultKinds, type Sandbox } from '@turnpike/sandbox'
import { AppError } from '../../shared/app-error.ts'
import { type Actor, auditOf } from '../../shared/audit.ts'
import { MAX_FAULT_SECONDS } from './fault-input.ts'

/** So many faults are set at once, at most. */
export const MAX_FAULTS = 20

/** The built-in sandbox as far as it is commanded from here. */
export type CommandedSandbox = Pick<Sandbox, 'url' | 'setFault' | 'clearFaults' | 'status' | 'inbox'>

export type SandboxControl = ReturnType<typeof createSandboxControl>

const audit = auditOf('sandbox')

/**
 * Commands of the fire drill, to the sandbox of this very instance; null = none runs here. Each is in the audit log, and
 * no fault outlives its `forSeconds`.
 */
export function createSandboxControl({ db, sandbox }: { db: Db['db']; sandbox: CommandedSandbox | null }) {
  function status() {
    const state = sandbox?.status()
    return {
      isRunning: state !== undefined,
      requests: state?.requests ?? 0,
      inFlight: state?.inFlight ?? 0,
      faults: (state?.faults ?? []).map(({ fault, hits, remaining, endsAtMs }) => ({
        kind: fault.kind,
        fault: { ...fault },
        hits,
        remaining,
        endsAt: endsAtMs === null ? null : new Date(endsAtMs).toISOString(),
      })),
      kinds: faultKinds(),
      maxSeconds: MAX_FAULT_SECONDS,
      /** A webhook address that takes every message, and the newest that came; null = none runs here. */
      inbox: sandbox && {
        url: sandbox.inbox.url,
        messages: sandbox.inbox.messages.map(({ atMs, id }) => ({ at: new Date(atMs).toISOString(), id })),
      },
    }
  }

  /** Adds a fault behind those that are set. @throws AppError `conflict` where no sandbox runs, or too many are set */
  async function setFault(fault: Fault, actor: Actor) {
    const running = assertRunning()
    if (running.status().faults.length >= MAX_FAULTS) {
      throw new AppError('conflict', { message: 'Too many faults are set: clear them first' })
    }
    // A key is an upstream's secret.
    const { key, ...change } = fault
    await db.transaction((tx) =>
      audit(tx, actor, 'sandbox.setFault', null, { ...change, isAimedAtKey: key !== undefined }),
    )
    running.setFault(fault)
    return status()
  }

  async function clear(actor: Actor) {
    const running = assertRunning()
    const cleared = running.status().faults.map(({ fault }) => fault.kind)
    running.clearFaults()
    await db.transaction((tx) => audit(tx, actor, 'sandbox.clear', null, { cleared }))
    return status()
  }

  function assertRunning(): CommandedSandbox {
    if (!sandbox) throw new AppError('conflict', { message: 'The sandbox upstream does not run here' })
    return sandbox
  }

  return { status, setFault, clear }
}
