import { mkdir, readdir, rename, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { NO_USAGE, type Outcome } from '@turnpike/core/gateway/outcome'
import type { StartRecord } from '@turnpike/core/gateway/ports'
import { isLockAlive } from './process-lock.ts'
import { createShipper, type WriteOutcomes } from './shipper.ts'

export interface Adoption {
  directories: number
  rows: number
  /** Requests whose process was killed before they ended. */
  unknown: number
  damagedLines: number
}

/** Journal directories of processes that no longer run. */
export async function deadDirectories(root: string): Promise<string[]> {
  const names = await readdir(root).catch(() => [])
  const dead: string[] = []
  for (const name of names.toSorted()) {
    const directory = join(root, name)
    if (name !== SET_ASIDE && !isLockAlive(directory) && (await stat(directory)).isDirectory()) dead.push(directory)
  }
  return dead
}

/**
 * Ships what a dead process left behind: its ends as they are, its starts without an end as `unknown`. The directory goes
 * when everything is in the ledger; one with damaged lines is set aside for inspection instead.
 */
export async function adoptDirectory(directory: string, write: WriteOutcomes): Promise<Adoption> {
  const shipper = createShipper({ directory, write, isFinal: true })
  const rows = await shipper.ship(await segmentsOf(directory))
  const unknown = shipper.unended().map(unknownOutcome)
  if (unknown.length > 0) await write(unknown)
  const { damagedLines } = shipper.stats()
  if (damagedLines > 0) await setAside(directory)
  else await rm(directory, { recursive: true, force: true })
  return { directories: 1, rows, unknown: unknown.length, damagedLines }
}

/** Bytes the directories take. */
export async function bytesOf(directories: string[]): Promise<number> {
  let bytes = 0
  for (const directory of directories) {
    for (const segment of await segmentsOf(directory)) bytes += segment.bytes
  }
  return bytes
}

const SET_ASIDE = 'damaged'

async function setAside(directory: string): Promise<void> {
  const root = join(directory, '..', SET_ASIDE)
  await mkdir(root, { recursive: true, mode: 0o700 })
  await rename(directory, join(root, directory.split('/').pop() ?? 'journal'))
}

async function segmentsOf(directory: string) {
  const names = (await readdir(directory)).filter((name) => /^\d{8}\.log$/.test(name)).toSorted()
  const segments = names.map(async (name) => {
    const { size } = await stat(join(directory, name))
    return { number: Number.parseInt(name, 10), bytes: size, isOpen: false }
  })
  return Promise.all(segments)
}

/** It reached an upstream and nobody knows how it ended: billed nothing, and visible. */
export function unknownOutcome(start: StartRecord): Outcome {
  const { userId, keyId, groupId, accountId } = start
  return {
    requestId: start.requestId,
    clientRequestId: null,
    createdAtMs: start.createdAtMs,
    endpoint: start.endpoint,
    protocol: null,
    stream: start.stream,
    status: 500,
    outcome: 'unknown',
    errorCode: 'internal_error',
    userId,
    keyId,
    groupId,
    accountId,
    model: start.model,
    upstreamModel: null,
    upstreamResponseId: null,
    usage: NO_USAGE,
    estimated: true,
    usageInvalid: false,
    costNano: null,
    billedNano: 0,
    multiplierE4: start.multiplierE4,
    priceRule: 'nothing',
    attempts: [],
    decision: { rule: 'none', chosen: accountId, candidates: [], omitted: 0 },
    times: {
      queueMs: 0,
      routeMs: 0,
      upstreamConnectMs: null,
      upstreamFirstByteMs: null,
      ttftMs: null,
      totalMs: 0,
      gatewayMs: null,
    },
    clientIp: start.clientIp,
    userAgent: null,
  }
}
