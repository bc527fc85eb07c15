import type { DeliveryPayload } from '@turnpike/core/alerts/message'
import type { alertDeliveries } from '@turnpike/db/schema'

export type DeliveryRow = typeof alertDeliveries.$inferSelect

/** Safe as a cast: rows are written by the outbox and by digests, each with what its kind needs. */
export function payloadOf({ payload }: Pick<DeliveryRow, 'payload'>): DeliveryPayload {
  return payload as DeliveryPayload
}

/** Recipients a mail server put off while it took the others: they alone are tried again. Null = all of the channel. */
export function recipientsLeft({ payload }: Pick<DeliveryRow, 'payload'>): string[] | null {
  const left: unknown = Object(payload).recipientsLeft
  return Array.isArray(left) ? left.map(String) : null
}
