import { z } from 'zod'
import { instant, line, page } from './primitives.ts'

export const tokenList = z.strictObject(page).prefault({})

export const tokenCreate = z.strictObject({
  name: line(200),
  /** Permissions, e.g. `usage:read`; those of who makes the token at most. */
  scopes: z
    .array(line(50))
    .min(1)
    .max(100)
    .transform((names) => [...new Set(names)]),
  /** At most a year ahead; default: 90 days. */
  expiresAt: instant.optional(),
})

export type TokenList = z.output<typeof tokenList>
export type TokenCreate = z.output<typeof tokenCreate>
