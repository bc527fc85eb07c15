import { TRPCError } from '@trpc/server'
import { ZodError } from 'zod'
import { AppError, type AppErrorReason } from './app-error.ts'

const SAFE_FIELD = /^[\w.-]{1,100}$/

/** Whatever was thrown, as the error that callers may see; the original stays behind as `cause` for the log. */
export function asAppError(error: unknown): AppError {
  for (const link of causes(error)) {
    if (link instanceof AppError) return link
    if (link instanceof ZodError) return fromZod(link)
    const reason = databaseReason(link)
    if (reason) return new AppError(reason, { cause: error })
  }
  return fromTrpc(error)
}

function causes(error: unknown): unknown[] {
  const chain: unknown[] = []
  for (
    let link = error;
    link !== undefined && chain.length < 5;
    link = link instanceof Error ? link.cause : undefined
  ) {
    chain.push(link)
  }
  return chain
}

function fromZod(error: ZodError): AppError {
  const issue = error.issues[0]
  if (!issue) return new AppError('invalid_input', { cause: error })
  if (issue.code === 'unrecognized_keys') {
    return new AppError('unknown_field', { ...fieldOf([...issue.path, issue.keys[0] ?? '']), cause: error })
  }
  const message = issue.path.length === 1 && issue.path[0] === 'limit' ? limitMessage(issue) : null
  if (message !== null) return new AppError('limit_out_of_range', { field: 'limit', message, cause: error })
  return new AppError('invalid_input', { ...fieldOf(issue.path), cause: error })
}

/** Names the bound that was missed; null = it was none. */
function limitMessage(issue: ZodError['issues'][number]): string | null {
  if (issue.code === 'too_big') return `limit is out of range: ${issue.maximum} at most`
  return issue.code === 'too_small' ? `limit is out of range: ${issue.minimum} at least` : null
}

// Names of fields come from the caller: they are echoed only where they could be names.
function fieldOf(path: readonly PropertyKey[]): { field?: string } {
  const field = path.map(String).join('.')
  return SAFE_FIELD.test(field) ? { field } : {}
}

// https://www.postgresql.org/docs/current/errcodes-appendix.html
function databaseReason(error: unknown): AppErrorReason | null {
  if (!(error instanceof Error) || error.name !== 'PostgresError') return null
  const code: unknown = Reflect.get(error, 'code')
  if (typeof code !== 'string') return null
  if (code === '23505' || code === '23P01' || code === '40001' || code === '40P01') return 'conflict'
  if (code === '57014') return 'timeout'
  return code.startsWith('22') || code.startsWith('23') ? 'invalid_input' : null
}

function fromTrpc(error: unknown): AppError {
  if (!(error instanceof TRPCError)) return new AppError('internal', { cause: error })
  switch (error.code) {
    case 'NOT_FOUND':
      return new AppError('not_found', { message: 'Unknown procedure' })
    case 'BAD_REQUEST':
    case 'PARSE_ERROR':
    case 'METHOD_NOT_SUPPORTED':
    case 'PAYLOAD_TOO_LARGE':
    case 'UNSUPPORTED_MEDIA_TYPE':
    case 'UNPROCESSABLE_CONTENT':
    case 'CLIENT_CLOSED_REQUEST':
      return new AppError('invalid_input', { code: error.code, cause: error })
    default:
      return new AppError('internal', { cause: error })
  }
}
