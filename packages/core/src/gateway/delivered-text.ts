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
 * searching, because parsing every event would cost more than relaying it.
 */
export function createDeliveredText(members: readonly string[], decodeUtf8: (bytes: string) => string): DeliveredText {
  /** As it stands in the JSON: escaped, one character per byte. */
  let sample = ''
  let length = 0

  function addValues(event: string, member: string): void {
    let at = event.indexOf(member)
    while (at !== -1) {
      const from = at + member.length
      const open = openingQuote(event, from)
      if (open !== -1) addValue(event.slice(open + 1, closingQuote(event, open)))
      at = event.indexOf(member, from)
    }
  }

  function addValue(raw: string): void {
    length += raw.length
    if (sample.length < DELIVERED_SAMPLE_CHARS) sample += raw.slice(0, MAX_VALUE_CHARS)
  }

  return {
    add(event) {
      for (const member of members) addValues(event, member)
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

/** Index of the quote that opens a string value after a member's name; -1 where the value is no string. */
function openingQuote(text: string, from: number): number {
  let i = from
  while (text[i] === ' ' || text[i] === ':') i++
  return text[i] === '"' ? i : -1
}
