import type { RouterOutputs } from '@turnpike/client'

/** A row of the requests page: of the ledger, or turned away before it came there. */
export type RequestEntry = RouterOutputs['ops']['requests']['list']['items'][number]
export type RequestStory = RouterOutputs['ops']['requests']['get']
export type LedgerStory = Extract<RequestStory, { kind: 'request' }>
export type RefusalStory = Extract<RequestStory, { kind: 'refusal' }>
