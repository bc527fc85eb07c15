const FORBIDDEN_NAME = /secret|passw|token|cookie|authori[sz]ation|api.?key|ticket|header|body|prompt|credential/i
const MAX_TEXT = 500
const MAX_EXCERPT = 8_192
const MAX_FIELDS = 40
const MAX_FRAMES = 12

/** The log's fields: primitives only, none under a name that could carry a secret, each text scrubbed and cut. */
export function redact(fields: Record<string, unknown>): Record<string, unknown> {
  const shown: Record<string, unknown> = {}
  for (const [name, value] of Object.entries(fields).slice(0, MAX_FIELDS)) {
    if (name === 'err') shown.err = describeError(value)
    else if (!FORBIDDEN_NAME.test(name)) {
      const safe = primitive(value)
      if (safe !== undefined) shown[name] = safe
    }
  }
  return shown
}

/** Text without anything that looks like a credential, without query strings, cut to a line's length. */
export function redactText(text: string): string {
  return scrub(text.slice(0, MAX_TEXT * 2)).slice(0, MAX_TEXT)
}

/** The same of a longer text. */
export function redactExcerpt(text: string): string {
  return scrub(text.slice(0, MAX_EXCERPT)).slice(0, MAX_EXCERPT)
}

/** Names whose values are secrets, as they stand in headers, JSON and query strings. */
const SECRET_NAME = String.raw`[\w-]*(?:secret|passw(?:or)?d|passphrase|token|authori[sz]ation|api[-_ ]?key|credential)[\w-]*`
const JSON_VALUE = String.raw`"(?:[^"\\]|\\.)*"?|\[[^\]]*\]?|\{[^}]*\}?`
const QUOTED_SECRET = new RegExp(
  String.raw`("${SECRET_NAME}"\s*:\s*)(?!\d+(?:\.\d+)?\s*[,}\]])(?:${JSON_VALUE}|[^\s,}]+)`,
  'gi',
)
const BARE_SECRET = new RegExp(String.raw`(\b${SECRET_NAME}\s*[:=]\s*)(?!\d+\b)(?:${JSON_VALUE}|[^\n,;"'}]+)`, 'gi')

function scrub(text: string): string {
  return text
    .replace(/\b(?:tps?|sk|rk|pk)-[\w-]{6,}|\btps_[\w-]+/g, '[redacted]')
    .replace(
      /\beyJ[\w-]{4,}\.[\w-]+(?:\.[\w-]+)?|\bAIza[\w-]{10,}|\bgh[opsu]_\w{10,}|\bxox[a-z]-[\w-]{6,}/g,
      '[redacted]',
    )
    .replace(/\b(Bearer|Basic)\s+\S+/gi, '$1 [redacted]')
    .replace(/\b((?:set-)?cookie"?\s*[:=]\s*)[^\n"]+|("(?:set-)?cookie"\s*:\s*)"(?:[^"\\]|\\.)*"?/gi, '$1$2[redacted]')
    .replace(/\b([a-z][a-z0-9+.-]*:\/\/)[^\s/?#]*@/gi, '$1')
    .replace(/\?[^\s"']+/g, '?[redacted]')
    .replace(/\$argon2\S+/g, '[redacted]')
    .replace(/(\bkey provided:?\s*)\S+/gi, '$1[redacted]')
    .replace(QUOTED_SECRET, '$1"[redacted]"')
    .replace(BARE_SECRET, '$1[redacted]')
}

function primitive(value: unknown): unknown {
  if (typeof value === 'string') return redactText(value)
  if (typeof value === 'number' || typeof value === 'boolean' || value === null) return value
  if (typeof value === 'bigint') return value.toString()
  if (value instanceof Date) return Number.isNaN(value.getTime()) ? 'invalid date' : value.toISOString()
  if (Array.isArray(value))
    return value.slice(0, 20).flatMap((item) => (Array.isArray(item) ? [] : (primitive(item) ?? [])))
  return undefined
}

// A database error's message and detail quote statements and values, and a parser's message quotes its input:
// name, code, the names of database objects and the frames say where to look without saying what was there.
function describeError(error: unknown, depth = 0): unknown {
  if (!(error instanceof Error)) return typeof error === 'string' ? redactText(error) : typeof error
  const frames = (error.stack ?? '').split('\n').filter((line) => /^\s+at /.test(line))
  return {
    name: redactText(error.name),
    ...(SPEAKS_FREELY.test(`${error.name} ${error.constructor.name}`)
      ? {}
      : { message: redactText(error.message.replace(/"[^"]*"|`[^`]*`/g, '"…"')) }),
    ...namedDetails(error),
    stack: frames.slice(0, MAX_FRAMES).map((line) => redactText(line.trim())),
    ...(error.cause !== undefined && depth < 3 ? { cause: describeError(error.cause, depth + 1) } : {}),
  }
}

const SPEAKS_FREELY = /Postgres|Drizzle|Syntax|Zod|TRPC/i
const DETAILS = ['code', 'reason', 'syscall', 'table_name', 'column_name', 'constraint_name'] as const

function namedDetails(error: Error): Record<string, unknown> {
  const details: Record<string, unknown> = {}
  for (const name of DETAILS) {
    const value: unknown = Reflect.get(error, name)
    if (typeof value === 'string' || typeof value === 'number') details[name] = primitive(value)
  }
  return details
}
