/** How much of a request's text is kept while its answer streams; the rest is counted by length. */
export const INPUT_SAMPLE_CHARS = 8_192

/** What is left of a request's text once it can no longer be sent again. */
export interface InputText {
  sample: string
  length: number
}

export function keepInputText(text: string): InputText {
  if (text.length <= INPUT_SAMPLE_CHARS) return { sample: text, length: text.length }
  // A plain slice would keep the whole text alive behind it.
  const sample: unknown = JSON.parse(JSON.stringify(text.slice(0, INPUT_SAMPLE_CHARS)))
  return { sample: String(sample), length: text.length }
}

/** Input tokens where the upstream did not tell: the strings in the body, names and inlined files apart. */
export async function inputTokens(
  { sample, length }: InputText,
  count: (text: string) => Promise<number>,
): Promise<number> {
  const values: string[] = []
  for (const [, value, colon] of sample.matchAll(/"((?:[^"\\]|\\.)*)"(\s*:)?/g)) {
    if (value && colon === undefined && !value.startsWith('data:')) values.push(value)
  }
  const tokens = await count(values.join(' '))
  return sample.length === length ? tokens : Math.ceil((tokens * length) / sample.length)
}
