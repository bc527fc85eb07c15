import { type SQL, sql } from 'drizzle-orm'
import { type AnyPgColumn, bigint, check, timestamp } from 'drizzle-orm/pg-core'

/** A bigint identity id; a plain number in TypeScript and on the wire. */
export function id() {
  return bigint({ mode: 'number' }).primaryKey().generatedAlwaysAsIdentity()
}

/** A reference to an `id()`. */
export function ref() {
  return bigint({ mode: 'number' })
}

/** Nano-dollars. */
export function nano() {
  return bigint({ mode: 'bigint' })
}

/** Milliseconds, as a `Date` holds them: what was written is what is read back. */
export function instant() {
  return timestamp({ withTimezone: true, precision: 3 })
}

export function createdAt() {
  return instant().notNull().defaultNow()
}

/** Keeps a text column inside one of the closed lists of core's `words.ts`. */
export function oneOf(name: string, column: AnyPgColumn, words: readonly string[]) {
  return check(name, sql`${column} in (${literals(words)})`)
}

function literals(words: readonly string[]): SQL {
  return sql.raw(words.map((word) => `'${word.replaceAll("'", "''")}'`).join(', '))
}
