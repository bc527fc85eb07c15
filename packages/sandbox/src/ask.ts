import { asArray, asObject, asText } from './json.ts'

export interface Tool {
  name: string
  parameters: unknown
}

export type ToolChoice = { kind: 'auto' | 'none' | 'required' } | { kind: 'named'; name: string }

/** A request of either protocol, as far as it decides what is answered. */
export interface Ask {
  model: string
  isStream: boolean
  /** What the last user message says. */
  prompt: string
  /** The output of a tool when it is the last thing in the conversation. */
  toolResult: string | null
  /** Everything that counts as input. */
  inputTexts: string[]
  inputItems: number
  tools: Tool[]
  toolChoice: ToolChoice
  isParallel: boolean
  maxOutputTokens: number | null
  /** A JSON schema the answer must fit; null = plain text. */
  schema: unknown
}

/** The text of a message's content, in any of the forms the two protocols know. */
export function contentText(content: unknown): string {
  if (typeof content === 'string') return content
  return asArray(content)
    .map((part) => asText(asObject(part).text))
    .join('')
}

export function readToolChoice(value: unknown): ToolChoice {
  if (value === 'none' || value === 'required') return { kind: value }
  const choice = asObject(value)
  const name = asText(asObject(choice.function).name) || asText(choice.name)
  return name === '' ? { kind: 'auto' } : { kind: 'named', name }
}
