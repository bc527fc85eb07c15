import { z } from 'zod'
import { AUDIT_ACTORS } from '../words.ts'
import { id, instant, line, page } from './primitives.ts'

export const auditList = z
  .strictObject({
    actorKind: z.enum(AUDIT_ACTORS).optional(),
    actorId: id.optional(),
    /** A procedure, e.g. `users.update`. */
    action: line(100).optional(),
    targetType: line(50).optional(),
    targetId: line(50).optional(),
    from: instant.optional(),
    to: instant.optional(),
    ...page,
  })
  .prefault({})

export type AuditList = z.output<typeof auditList>
