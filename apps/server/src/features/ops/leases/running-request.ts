import { z } from 'zod'

const id = z.number().int().nullable()
const ms = z.number().min(0)

/** A request that runs, with the slots it holds; null = not known yet, or none. */
export const RunningRequest = z.object({
  requestId: z.string().max(100),
  instanceId: z.string().max(100),
  userId: id,
  keyId: id,
  groupId: id,
  model: z.string().max(300).nullable(),
  endpoint: z.string().max(100).nullable(),
  stream: z.boolean().nullable(),
  clientIp: z.string().max(100),
  /** Since its request line. */
  ageMs: ms,
  /** How long it has held the slot of its user (and key); null = it waits for it. */
  userSlotMs: ms.nullable(),
  accountId: id,
  /** How long it has held the slot of its account; null = it has none. */
  accountSlotMs: ms.nullable(),
})
export type RunningRequest = z.output<typeof RunningRequest>

export const RunningRequests = z.array(RunningRequest)
