import { AUDIT_ACTORS, type AuditActorKind } from '@turnpike/core/words'
import { readInstant, readOneOf, readText } from '#lib/url/search-params.ts'

/** What the audit log shows, as its address holds it. */
export interface AuditFilters {
  actorKind: AuditActorKind | undefined
  action: string | undefined
  targetType: string | undefined
  targetId: string | undefined
  from: string | undefined
  to: string | undefined
}

export function readAuditFilters(params: Pick<URLSearchParams, 'get'>): AuditFilters {
  return {
    actorKind: readOneOf(params, 'by', AUDIT_ACTORS),
    action: readText(params, 'action', 100),
    targetType: readText(params, 'target', 50),
    targetId: readText(params, 'id', 50),
    from: readInstant(params, 'from'),
    to: readInstant(params, 'to'),
  }
}

export function isFiltered(filters: AuditFilters): boolean {
  return Object.values(filters).some((value) => value !== undefined)
}
