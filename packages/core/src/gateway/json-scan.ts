import { asString, parseJson } from './json.ts'

/** Where a member of a JSON object stands in its text: [keyStart, valueStart, valueEnd). */
export interface MemberSpan {
  keyStart: number
  valueStart: number
  valueEnd: number
}

export interface ObjectScan {
  /** Top-level members by decoded name. */
  members: Map<string, MemberSpan>
  duplicateKey: string | null
  /** Deepest nesting; the object itself counts 1. */
  depth: number
}

const QUOTE = 0x22
const BACKSLASH = 0x5c
const OPEN_OBJECT = 0x7b
const CLOSE_OBJECT = 0x7d
const OPEN_ARRAY = 0x5b
const CLOSE_ARRAY = 0x5d
const COMMA = 0x2c

/**
 * Finds the top-level members of a JSON object without building it, so that single members can be replaced in the
 * original text. Strings are skipped by searching for their closing quote. What is no JSON is scanned as far as it makes
 * sense: events are not parsed before they come here.
 */
export function scanObject(text: string, start = text.indexOf('{')): ObjectScan {
  const scan: ObjectScan = { members: new Map(), duplicateKey: null, depth: 0 }
  const end = text.length
  let depth = 0
  let key: { name: string; start: number } | null = null
  let valueStart = -1
  for (let i = start; i < end; i++) {
    const char = text.charCodeAt(i)
    if (char === QUOTE) {
      const close = closingQuote(text, i)
      if (depth === 1 && key === null) {
        key = { name: decodeKey(text, i, close), start: i }
        const colon = text.indexOf(':', close)
        if (colon === -1) break
        i = colon
        valueStart = colon + 1
      } else i = close
    } else if (char === OPEN_OBJECT || char === OPEN_ARRAY) {
      depth++
      if (depth > scan.depth) scan.depth = depth
    } else if (char === CLOSE_OBJECT || char === CLOSE_ARRAY || char === COMMA) {
      if (depth === 1 && key !== null) {
        if (scan.members.has(key.name)) scan.duplicateKey ??= key.name
        scan.members.set(key.name, trimmedSpan(text, key.start, valueStart, i))
        key = null
      }
      if (char !== COMMA && --depth === 0) break
    }
  }
  return scan
}

/** A replacement of `text[start, end)`. */
export interface Edit {
  start: number
  end: number
  json: string
}

/** The text with the edits made; everything between them stays as it was. Edits must not overlap. */
export function applyEdits(text: string, edits: Edit[]): string {
  let edited = text
  for (const edit of edits.toSorted((a, b) => b.start - a.start)) {
    edited = edited.slice(0, edit.start) + edit.json + edited.slice(edit.end)
  }
  return edited
}

export function replaceMember(span: MemberSpan, json: string): Edit {
  return { start: span.valueStart, end: span.valueEnd, json }
}

/** Adds a member at the front of the object that opens at `open`. */
export function addMember(open: number, isEmpty: boolean, name: string, json: string): Edit {
  return { start: open + 1, end: open + 1, json: `${JSON.stringify(name)}:${json}${isEmpty ? '' : ','}` }
}

/** Index of the quote that closes the string opened at `open`; the text's length where none does. */
export function closingQuote(text: string, open: number): number {
  let close = text.indexOf('"', open + 1)
  while (close !== -1 && isEscaped(text, close)) close = text.indexOf('"', close + 1)
  return close === -1 ? text.length : close
}

function isEscaped(text: string, at: number): boolean {
  let backslashes = 0
  while (text.charCodeAt(at - 1 - backslashes) === BACKSLASH) backslashes++
  return backslashes % 2 === 1
}

function decodeKey(text: string, open: number, close: number): string {
  const raw = text.slice(open + 1, close)
  if (!raw.includes('\\')) return raw
  return asString(parseJson(`"${raw}"`)) ?? raw
}

function trimmedSpan(text: string, keyStart: number, from: number, to: number): MemberSpan {
  let valueStart = from
  let valueEnd = to
  while (isSpace(text.charCodeAt(valueStart))) valueStart++
  while (valueEnd > valueStart && isSpace(text.charCodeAt(valueEnd - 1))) valueEnd--
  return { keyStart, valueStart, valueEnd }
}

function isSpace(char: number): boolean {
  return char === 0x20 || char === 0x0a || char === 0x0d || char === 0x09
}
