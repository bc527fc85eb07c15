import { createBoundedMap } from './bounded-map.ts'

export interface Tokenizer {
  count(text: string): number
  /** The first `maxTokens` tokens of `text`; the whole of it when it is shorter. */
  cut(text: string, maxTokens: number): string
}

const REMEMBERED_COUNTS = 256
const CHARS_PER_TOKEN = 4
/** The longest token of o200k_base. */
const MAX_TOKEN_CHARS = 128
const HALF_A_PAIR = /[\uD800-\uDBFF]$/
/** Beyond this a text is counted by its beginning: exact counts of megabytes would block the event loop for seconds. */
const MAX_COUNTED_CHARS = 200_000
/** The tokenizer is quadratic in an unbroken run (200,000 times `a`: 18 s), so such texts are counted in slices. */
const MAX_RUN_CHARS = 1_000
const LONG_RUN = new RegExp(`\\S{${MAX_RUN_CHARS}}|\\s{${MAX_RUN_CHARS}}`)

/** The real o200k_base counts. 75 MB and 170 ms to load, so only on first use. */
export async function loadExactTokenizer(): Promise<Tokenizer> {
  const encoding = await import('gpt-tokenizer/encoding/o200k_base')
  const options = { disallowedSpecial: new Set<string>() }
  const counts = createBoundedMap<string, number>(REMEMBERED_COUNTS)

  function count(text: string): number {
    if (text.length > MAX_COUNTED_CHARS) {
      return Math.ceil((count(text.slice(0, MAX_COUNTED_CHARS)) * text.length) / MAX_COUNTED_CHARS)
    }
    const known = counts.get(text)
    if (known !== undefined) return known
    const counted = countAfresh(text)
    counts.set(text, counted)
    return counted
  }

  function countAfresh(text: string): number {
    return slices(text).reduce((sum, slice) => sum + encoding.countTokens(slice, options), 0)
  }

  return {
    count,
    // Searched, not decoded: the package's decoder is one for all calls and carries half characters from one to the next.
    cut(text, maxTokens) {
      const within = text.slice(0, Math.min(MAX_COUNTED_CHARS, maxTokens * MAX_TOKEN_CHARS))
      if (within.length === text.length && countAfresh(text) <= maxTokens) return text
      let fits = 0
      let tooLong = within.length + 1
      while (tooLong - fits > 1) {
        const middle = (fits + tooLong) >> 1
        if (countAfresh(within.slice(0, middle)) <= maxTokens) fits = middle
        else tooLong = middle
      }
      return within.slice(0, fits).replace(HALF_A_PAIR, '')
    },
  }
}

function slices(text: string): string[] {
  if (!LONG_RUN.test(text)) return [text]
  const count = Math.ceil(text.length / MAX_RUN_CHARS)
  return Array.from({ length: count }, (_, index) => text.slice(index * MAX_RUN_CHARS, (index + 1) * MAX_RUN_CHARS))
}

/** Four characters are a token: costs nothing, for benchmarks that send a different prompt every time. */
export const roughTokenizer: Tokenizer = {
  count: (text) => Math.ceil(text.length / CHARS_PER_TOKEN),
  cut: (text, maxTokens) => text.slice(0, maxTokens * CHARS_PER_TOKEN),
}
