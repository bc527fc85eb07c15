import { asString, parseJson } from './json.ts'
import { closingQuote } from './json-scan.ts'

/** How much of a request's text is kept while its answer streams; the rest is counted by length. */
export const INPUT_SAMPLE_CHARS = 8_192

/** What is left of a request's text once it can no longer be sent again. Inlined files are left out of both. */
export interface InputText {
  sample: string
  length: number
}

export function keepInputText(json: string): InputText {
  const text = withoutInlinedFiles(json)
  if (text.length <= INPUT_SAMPLE_CHARS) return { sample: text, length: text.length }
  // A plain slice would keep the whole text alive behind it.
  const sample: unknown = JSON.parse(JSON.stringify(text.slice(0, INPUT_SAMPLE_CHARS)))
  return { sample: String(sample), length: text.length }
}

/** Input tokens where the upstream did not tell: those of the strings in the body, names apart. */
export async function inputTokens(
  { sample, length }: InputText,
  count: (text: string) => Promise<number>,
): Promise<number> {
  const tokens = await count(stringValues(sample).join(' '))
  return sample.length === length ? tokens : Math.ceil((tokens * length) / sample.length)
}

const INLINED_FILE = '"data:'

/** A picture has megabytes of text and few tokens. */
function withoutInlinedFiles(json: string): string {
  let kept = ''
  let from = 0
  for (let at = json.indexOf(INLINED_FILE); at !== -1; at = json.indexOf(INLINED_FILE, at + 1)) {
    if (at < from || json[at - 1] === '\\') continue
    kept += json.slice(from, at)
    from = closingQuote(json, at) + 1
  }
  return from === 0 ? json : kept + json.slice(from)
}

/** The text values of a JSON text, the last one also where the text ends inside of it. */
function stringValues(json: string): string[] {
  const values: string[] = []
  let open = json.indexOf('"')
  while (open !== -1) {
    const close = closingQuote(json, open)
    const raw = json.slice(open + 1, close)
    if (raw !== '' && !isName(json, close)) values.push(asString(parseJson(`"${raw}"`)) ?? raw)
    open = json.indexOf('"', close + 1)
  }
  return values
}

function isName(json: string, close: number): boolean {
  let at = close + 1
  while (json.charCodeAt(at) <= 0x20) at++
  return json[at] === ':'
}
