import type { RouterOutputs } from '@turnpike/client'
import { toProblem } from '#lib/api/problem.ts'
import { getApp } from '#lib/app-context.ts'

type Entry = RouterOutputs['my']['requests']['get']

/** A request is in the ledger a moment after its end; one that was turned away never is. */
const WAITS_MS = [300, 700, 1_500, 3_000, 6_000]

/** What the ledger says of a request that has just ended. */
export function createLedgerEntry() {
  const { api } = getApp()
  let entry = $state.raw<Entry | null>(null)
  let wanted: string | null = null

  async function look(requestId: string | null): Promise<void> {
    wanted = requestId
    entry = null
    if (requestId === null) return
    for (const waitMs of WAITS_MS) {
      await new Promise((resolve) => setTimeout(resolve, waitMs))
      if (wanted !== requestId) return
      const found = await find(requestId)
      if (wanted !== requestId) return
      if (found !== 'missing') {
        entry = found
        return
      }
    }
  }

  async function find(requestId: string): Promise<Entry | null | 'missing'> {
    try {
      return await api.my.requests.get.query({ requestId })
    } catch (error) {
      // Anything else would be answered the same the next time.
      return toProblem(error).reason === 'not_found' ? 'missing' : null
    }
  }

  return {
    look,
    get entry() {
      return entry
    },
  }
}
