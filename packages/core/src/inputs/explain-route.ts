import { z } from 'zod'
import { ENDPOINTS } from '../words.ts'
import { id, line, model } from './primitives.ts'

/** More input than any model reads; beyond it nothing is told apart any more. */
export const MAX_EXPLAINED_TOKENS = 100_000_000

const tokens = z.int().min(0).max(MAX_EXPLAINED_TOKENS)

/** A request to explain: by a key, or by what a user's key without limits of its own in that group would be. */
export const opsExplainRoute = z
  .strictObject({
    keyId: id.optional(),
    userId: id.optional(),
    groupId: id.optional(),
    model,
    endpoint: z.enum(ENDPOINTS).default('/v1/chat/completions'),
    /** What the caller would name his session. */
    session: line(256).optional(),
    /** The response it would go on from; of the Responses endpoint only. */
    previousResponseId: line(128).optional(),
    /** Unasked: what a body with no text in it weighs. */
    inputTokens: tokens.optional(),
    /** As the caller would state it; unasked: he states none. */
    maxOutputTokens: tokens.optional(),
    /** Where it would come from; unasked: from an address the key allows. */
    clientIp: z.union([z.ipv4(), z.ipv6()]).optional(),
  })
  .superRefine(({ keyId, userId, groupId }, context) => {
    const isByKey = keyId !== undefined
    if (isByKey && (userId !== undefined || groupId !== undefined)) complain('keyId', 'a key, or a user and a group')
    if (!isByKey && groupId === undefined) complain(userId === undefined ? 'keyId' : 'groupId', 'is missing')
    if (!isByKey && groupId !== undefined && userId === undefined) complain('userId', 'is missing')

    function complain(field: string, message: string): void {
      context.addIssue({ code: 'custom', path: [field], message })
    }
  })
export type OpsExplainRoute = z.output<typeof opsExplainRoute>
