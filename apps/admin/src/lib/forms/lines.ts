/** The lines of a text area as a list: trimmed, without empty ones, each once. */
export function parseLines(text: string): string[] {
  return [...new Set(text.split('\n').map((line) => line.trim()))].filter((line) => line !== '')
}

/** A whole number as typed. What is none becomes NaN, which every schema refuses; empty = `whenEmpty`. */
export function parseWhole<T>(text: string, whenEmpty: T): number | T {
  const trimmed = text.trim()
  if (trimmed === '') return whenEmpty
  return /^-?\d+$/.test(trimmed) ? Number(trimmed) : Number.NaN
}

/** A number as typed, in plain digits with a point. What is none becomes Infinity, which every schema refuses. */
export function parseDecimal(text: string): number {
  const trimmed = text.trim()
  return /^-?\d+(\.\d+)?$/.test(trimmed) ? Number(trimmed) : Number.POSITIVE_INFINITY
}

/** Text, or null where there is none. */
export function orNull(text: string): string | null {
  const trimmed = text.trim()
  return trimmed === '' ? null : trimmed
}
