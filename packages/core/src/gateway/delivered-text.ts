import { asString, parseJson } from './json.ts'
import { closingQuote } from './json-scan.ts'

/** How much of the delivered text is kept for the tokenizer; the rest is counted by length. */
export const DELIVERED_SAMPLE_CHARS = 4_096
/** Of one value; an upstream that sends its answer in one event has no small ones. */
const MAX_VALUE_CHARS = 4 * DELIVERED_SAMPLE_CHARS

/** What a stream has delivered so far, kept small: needed only where the upstream never tells its usage. */
export interface DeliveredText {
  add(event: string): void
  isEmpty(): boolean
  /** Tokens of all delivered text: those of the sample, scaled to the whole. */
  tokens(count: (text: string) => Promise<number>): Promise<number>
}

/**
 * `members` are the JSON members that carry visible text in an event, e.g. `"content"`. Their values are found by
 * searching, because parsing every event would cost more than relaying it. `all` = it is text and nothing else, `none` = it has none.
 */
export function createDeliveredText(
  members: readonly string[] | 'all' | 'none',
  decodeUtf8: (bytes: string) => string,
): DeliveredText {
  /** Up to the quote that opens such a member's value. */
  const opening = typeof members === 'string' ? null : new RegExp(`(?:${members.join('|')})[ :]+"`, 'g')
  /** As it stands in the JSON: escaped, one character per byte. */
  let sample = ''
  let length = 0

  function addValue(raw: string): void {
    length += raw.length
    if (sample.length < DELIVERED_SAMPLE_CHARS) sample += raw.slice(0, MAX_VALUE_CHARS)
  }

  return {
    add(event) {
      if (members === 'all') addValue(event)
      if (opening === null) return
      opening.lastIndex = 0
      while (opening.test(event)) {
        const open = opening.lastIndex - 1
        const close = closingQuote(event, open)
        addValue(event.slice(open + 1, close))
        opening.lastIndex = close + 1
      }
    },
    isEmpty: () => length === 0,
    async tokens(count) {
      if (length === 0) return 0
      const text = decodeUtf8(sample)
      const tokens = await count(asString(parseJson(`"${text}"`)) ?? text)
      return Math.ceil((tokens * length) / sample.length)
    },
  }
}
