import { asArray, asCount, type JsonObject } from './json.ts'
import { Refusal } from './refusal.ts'
import type { Tokenizer } from './tokenizer.ts'

const DEFAULT_DIMENSIONS = 1536
const MAX_DIMENSIONS = 3072
const MAX_INPUTS = 2048

/** The texts to embed; a list of token numbers counts as one text. @throws Refusal 400 when there is none */
export function readEmbeddingInputs(body: JsonObject): string[] {
  const { input } = body
  const list = typeof input === 'string' || typeof asArray(input)[0] === 'number' ? [input] : asArray(input)
  const texts = list.map((entry) => (typeof entry === 'string' ? entry : asArray(entry).join(' ')))
  if (texts.length === 0 || texts.length > MAX_INPUTS || texts.includes('')) {
    throw new Refusal(400, 'invalid_value', "'input' must be a text, or 1 to 2048 texts, none of them empty.", 'input')
  }
  return texts
}

/** The JSON body: unit vectors that depend on the text alone, as numbers or (as the SDKs ask) base64. */
export function embeddingsBody(body: JsonObject, model: string, texts: string[], tokenizer: Tokenizer): string {
  const dimensions = Math.min(asCount(body.dimensions) ?? DEFAULT_DIMENSIONS, MAX_DIMENSIONS)
  const data = texts.map((text, index) => {
    const vector = embed(text, dimensions)
    return { object: 'embedding', index, embedding: body.encoding_format === 'base64' ? base64(vector) : [...vector] }
  })
  const tokens = texts.reduce((sum, text) => sum + tokenizer.count(text), 0)
  return JSON.stringify({ object: 'list', data, model, usage: { prompt_tokens: tokens, total_tokens: tokens } })
}

function embed(text: string, dimensions: number): Float32Array {
  let state = 2166136261
  for (let index = 0; index < text.length; index += 1) state = Math.imul(state ^ text.charCodeAt(index), 16777619)
  const vector = new Float32Array(dimensions)
  for (let index = 0; index < dimensions; index += 1) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    vector[index] = state / 2 ** 31 - 1
  }
  const length = Math.hypot(...vector)
  return vector.map((value) => value / length)
}

function base64(vector: Float32Array): string {
  return Buffer.from(vector.buffer, vector.byteOffset, vector.byteLength).toString('base64')
}
