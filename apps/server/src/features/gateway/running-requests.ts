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
  live: Pick<LiveRequests, 'all'>
  book: Pick<LeaseBook, 'leases'>
  monotonic(): number
}) {
  const now = monotonic()
  const users = new Map<string, number>()
  const accounts = new Map<string, { accountId: number; heldMs: number }>()
  for (const { slot } of book.leases()) {
    const { kind, ownerId, requestId, since } = slot
    if (kind === 'user') users.set(requestId, now - since)
    else accounts.set(requestId, { accountId: ownerId, heldMs: now - since })
  }
  const oldestFirst = live.all().toSorted((a, b) => a.startedAt - b.startedAt)
  return oldestFirst.slice(0, MAX_TOLD).map(({ requestId, known, startedAt }) => {
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
