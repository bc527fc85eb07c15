import type { LiveRequests } from './live-requests.ts'
import type { LeaseBook } from './slots/lease-book.ts'

/** So many are told at once. */
const MAX_TOLD = 5_000

/** Requests that run in this process, oldest first, with the slots they hold; times in ms. */
export function runningRequests({
  live,
  book,
  monotonic,
}: {
  live: Pick<LiveRequests, 'entries'>
  book: Pick<LeaseBook, 'entries'>
  monotonic(): number
}) {
  const now = monotonic()
  const users = new Map<string, number>()
  const accounts = new Map<string, { accountId: number; heldMs: number }>()
  for (const [, { kind, ownerId, requestId, since }] of book.entries()) {
    if (kind === 'user') users.set(requestId, now - since)
    else accounts.set(requestId, { accountId: ownerId, heldMs: now - since })
  }
  return [...live.entries()].slice(0, MAX_TOLD).map(([requestId, { known, startedAt }]) => {
    const account = accounts.get(requestId)
    return {
      requestId,
      userId: known.key?.userId ?? null,
      keyId: known.key?.keyId ?? null,
      groupId: known.key?.groupId ?? null,
      model: known.model,
      endpoint: known.endpoint,
      stream: known.stream,
      clientIp: known.address,
      ageMs: Math.max(now - startedAt, 0),
      userSlotMs: users.get(requestId) ?? null,
      accountId: account?.accountId ?? null,
      accountSlotMs: account?.heldMs ?? null,
    }
  })
}
