import { asObject, type JsonObject } from './json.ts'
import { readUsage, type UsageReading } from './usage.ts'

/** What the ledger needs to know of a whole answer. */
export interface AnswerReading {
  usage: UsageReading
  /** Every text it shows. */
  texts: readonly string[]
  /** Something was delivered, whether or not it is text. */
  isDelivered: boolean
}

/** Reads a whole answer of either protocol. */
export function readAnswer(json: JsonObject): AnswerReading {
  const texts = answerTexts(json)
  return { usage: readUsage(json.usage), texts, isDelivered: texts.length > 0 }
}

/** Reads an answer that only passes through: embeddings, moderations, images, transcripts, completions. */
export function readPassedAnswer(json: JsonObject): AnswerReading {
  const texts = [json, ...listOf(json.choices)].flatMap(({ text }) => (typeof text === 'string' ? [text] : []))
  return { usage: readPassedUsage(json.usage), texts, isDelivered: true }
}

/** What has no output, such as embeddings, tells none; what is measured in seconds tells no tokens. */
export function readPassedUsage(value: unknown): UsageReading {
  const usage = asObject(value)
  if (usage.type === 'duration') return { kind: 'absent' }
  const output = usage.output_tokens ?? usage.completion_tokens
  return readUsage(output === undefined && usage.prompt_tokens !== undefined ? { ...usage, output_tokens: 0 } : value)
}

const TEXT_MEMBERS = ['content', 'text', 'refusal', 'reasoning_content', 'reasoning', 'arguments', 'input']

function answerTexts(json: JsonObject): string[] {
  const texts: string[] = []
  for (const choice of listOf(json.choices)) collect(asObject(choice.message), texts)
  for (const item of listOf(json.output)) {
    collect(item, texts)
    for (const part of [...listOf(item.content), ...listOf(item.summary)]) collect(part, texts)
  }
  return texts
}

function collect(holder: JsonObject, texts: string[]): void {
  for (const name of TEXT_MEMBERS) {
    const value = holder[name]
    if (typeof value === 'string' && value !== '') texts.push(value)
  }
  for (const call of listOf(holder.tool_calls)) collect({ ...asObject(call.function), ...asObject(call.custom) }, texts)
}

function listOf(value: unknown): JsonObject[] {
  return Array.isArray(value) ? value.map(asObject) : []
}
