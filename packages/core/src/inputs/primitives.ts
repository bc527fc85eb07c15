import { z } from 'zod'
import { parseDollars } from '../money.ts'

/** The most a list returns at once, and what it returns unasked. */
export const MAX_LIMIT = 500
export const DEFAULT_LIMIT = 100

const MAX_INT4 = 2_147_483_647

/** An object's id, as the API shows it. */
export const id = z.int().positive()

/** Ids of other objects, each once. */
export const ids = z.array(id).max(1000).transform(unique)

/** One line: trimmed, not empty, no control characters. */
export function line(max: number) {
  return text(max).trim().min(1).refine(isOneLine, 'must be one line')
}

/** Several lines, possibly none. */
export function text(max: number) {
  return z.string().max(max).refine(isStorable, 'contains characters that cannot be stored')
}

/** An e-mail address, case-folded: two spellings are one user. */
export const email = z.string().trim().toLowerCase().max(254).pipe(z.email())

/** Long enough to resist guessing, short enough to hash. */
export const newPassword = text(256).min(8)

/** What is typed at sign-in; any length that could be a password. */
export const typedPassword = z.string().max(1024)

/** A count that may be 0; `0` often means "no limit". */
export const count = z.int().min(0).max(1_000_000)

/** A limit per minute; null = none. */
export const perMinute = z.int().positive().max(MAX_INT4).nullable()
export const tokensPerMinute = z.int().positive().max(1_000_000_000_000).nullable()

/** A decimal dollar string in, nano-dollars out. */
export const dollars = z.string().transform((value, context) => {
  const nano = parseDollars(value)
  if (nano !== null && nano >= 0n) return nano
  context.addIssue({ code: 'custom', message: 'must be dollars with at most 9 decimals' })
  return z.NEVER
})

/** The same, also less than nothing. */
export const signedDollars = z.string().transform((value, context) => {
  const nano = parseDollars(value)
  if (nano !== null) return nano
  context.addIssue({ code: 'custom', message: 'must be dollars with at most 9 decimals' })
  return z.NEVER
})

/** A multiplier with at most 4 decimals in, ten-thousandths out. */
export const multiplier = z
  .string()
  .regex(/^\d{1,4}(\.\d{1,4})?$/, 'must be a number with at most 4 decimals')
  .transform((value) => Math.round(Number(value) * 10_000))

/** ISO 8601 with a zone in, a `Date` out. */
export const instant = z.iso.datetime({ offset: true }).transform((value, context) => {
  const date = new Date(value)
  if (!Number.isNaN(date.getTime())) return date
  context.addIssue({ code: 'custom', message: 'must be a time' })
  return z.NEVER
})

/** A model's name as callers send it. */
export const model = z.string().min(1).max(200).refine(isStorable).refine(isOneLine)

export const models = z.array(model).max(1000).transform(unique)

/** What every list takes beside its filters. */
export const page = {
  limit: z.int().min(1).max(MAX_LIMIT).default(DEFAULT_LIMIT),
  cursor: z.string().min(1).max(200).nullish(),
}

/** For procedures that take nothing: absent and `{}` are the same. */
export const nothing = z.strictObject({}).prefault({})

export const byId = z.strictObject({ id })

function unique<T>(values: T[]): T[] {
  return [...new Set(values)]
}

// PostgreSQL stores no NUL, and a lone surrogate has no UTF-8 form.
function isStorable(value: string): boolean {
  return !value.includes('\0') && value.isWellFormed()
}

function isOneLine(value: string): boolean {
  return !/\p{Cc}/u.test(value)
}
