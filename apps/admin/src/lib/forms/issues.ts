/** What a schema found wrong, as far as a person can be told: which rule, with its bound. */
export type Issue =
  | { kind: 'required' }
  | { kind: 'too_short'; min: number }
  | { kind: 'too_long'; max: number }
  | { kind: 'too_small'; min: number }
  | { kind: 'too_big'; max: number }
  | { kind: 'too_many'; max: number }
  | { kind: 'not_whole' }
  | { kind: 'not_number' }
  | { kind: 'email' }
  | { kind: 'address' }
  | { kind: 'money' }
  | { kind: 'multiplier' }
  | { kind: 'ascii' }
  | { kind: 'between'; min: number; max: number }
  | { kind: 'wrong_side' }
  | { kind: 'dimension' }
  | { kind: 'invalid' }

/** The parts of a zod issue that are read here. */
interface RawIssue {
  code?: string | undefined
  path: PropertyKey[]
  message: string
  origin?: string
  minimum?: number | bigint
  maximum?: number | bigint
  format?: string
  received?: unknown
}

/** The first issue of each field; a field is named by its path (`limits.day`). */
export function issuesByField(issues: readonly RawIssue[]): Record<string, Issue> {
  const found: Record<string, Issue> = {}
  for (const issue of issues) found[issue.path.map(String).join('.')] ??= toIssue(issue)
  return found
}

/** The issue of a field or of anything below it. */
export function issueAt(issues: Record<string, Issue>, field: string): Issue | null {
  const exact = issues[field]
  if (exact) return exact
  const below = Object.keys(issues).find((path) => path.startsWith(`${field}.`))
  return (below === undefined ? undefined : issues[below]) ?? null
}

const BY_MESSAGE: Record<string, Issue> = {
  'must be dollars with at most 9 decimals': { kind: 'money' },
  'must be a number with at most 4 decimals': { kind: 'multiplier' },
  'must be printable ASCII without spaces': { kind: 'ascii' },
  'too many models': { kind: 'too_many', max: 1000 },
  'is required': { kind: 'required' },
  'must be on the good side of the threshold, or equal to it': { kind: 'wrong_side' },
  'names a dimension twice': { kind: 'dimension' },
  'this metric is not told apart by that': { kind: 'dimension' },
  'a user or a key stands alone': { kind: 'dimension' },
}

const BETWEEN = /^must be between (\S+) and (\S+)$/

function toIssue(issue: RawIssue): Issue {
  const known = BY_MESSAGE[issue.message]
  if (known) return known
  const [, min, max] = BETWEEN.exec(issue.message) ?? []
  if (min !== undefined && max !== undefined) return { kind: 'between', min: Number(min), max: Number(max) }
  switch (issue.code) {
    case 'too_small':
      return tooSmall(issue.origin, Number(issue.minimum))
    case 'too_big':
      return tooBig(issue.origin, Number(issue.maximum))
    case 'invalid_type':
      if (issue.received === 'Infinity') return { kind: 'not_number' }
      return issue.format === 'safeint' || issue.received === 'NaN' ? { kind: 'not_whole' } : { kind: 'required' }
    case 'invalid_key':
      return { kind: 'required' }
    case 'invalid_format':
      return issue.format === 'email' ? { kind: 'email' } : { kind: 'invalid' }
    case 'invalid_union':
      return { kind: 'address' }
    default:
      return { kind: 'invalid' }
  }
}

function tooSmall(origin: string | undefined, min: number): Issue {
  if (origin !== 'string') return { kind: 'too_small', min }
  return min <= 1 ? { kind: 'required' } : { kind: 'too_short', min }
}

function tooBig(origin: string | undefined, max: number): Issue {
  if (origin === 'string') return { kind: 'too_long', max }
  return origin === 'array' ? { kind: 'too_many', max } : { kind: 'too_big', max }
}
