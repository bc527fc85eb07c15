import { asString, type JsonObject } from './json.ts'

/** Longest id or code of an upstream that is recorded: both are indexed or shown. */
const MAX_RECORDED_CHARS = 128

/** What an upstream (or a caller) wrote, made fit to be recorded and echoed. */
export function printable(text: string, maxChars = MAX_RECORDED_CHARS): string {
  return text.slice(0, maxChars).replace(/[^\x20-\x7e]/g, '?')
}

/** An id that an upstream gave; null where it gave none. */
export function upstreamId(value: unknown): string | null {
  return typeof value === 'string' && value !== '' ? printable(value) : null
}

/** Code of an error object: its `code`, which some servers give as a number, else its `type`. */
export function errorCodeOf(error: JsonObject): string | null {
  const code = typeof error.code === 'number' ? String(error.code) : (asString(error.code) ?? asString(error.type))
  return code === null ? null : printable(code)
}
