import type { RouterOutputs } from '@turnpike/client'

/** A row of the requests page: of the ledger, or turned away before it came there. */
export type RequestEntry = RouterOutputs['ops']['requests']['list']['items'][number]
export type RequestStory = RouterOutputs['ops']['requests']['get']
export type LedgerStory = Extract<RequestStory, { kind: 'request' }>
export type RefusalStory = Extract<RequestStory, { kind: 'refusal' }>

/** The entry beside the one that is open, one up (newer) or down; null = there is none on the page. */
export function neighbourOf(items: readonly RequestEntry[], openId: string, step: 1 | -1): string | null {
  const at = items.findIndex(({ requestId }) => requestId === openId)
  return at === -1 ? null : (items[at + step]?.requestId ?? null)
}
