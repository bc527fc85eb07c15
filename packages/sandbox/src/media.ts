import { asArray, asCount, asText, type JsonObject } from './json.ts'
import { Refusal } from './refusal.ts'
import { dataEvent } from './sse.ts'
import { CREATED, ID } from './template.ts'
import type { Tokenizer } from './tokenizer.ts'

/** What an endpoint without a conversation answers: its frames, and what they are. */
export interface Medium {
  /** A text that may command the sandbox. */
  prompt: string
  frames: string[]
  isStream: boolean
  contentType: string
}

type Make = (body: JsonObject, model: string, tokenizer: Tokenizer) => Medium

const JSON_TYPE = 'application/json'
const STREAM_TYPE = 'text/event-stream; charset=utf-8'
const CATEGORIES = [
  ...['harassment', 'harassment/threatening', 'hate', 'hate/threatening', 'illicit', 'illicit/violent'],
  ...['self-harm', 'self-harm/instructions', 'self-harm/intent', 'sexual', 'sexual/minors'],
  ...['violence', 'violence/graphic'],
]
/** A transparent picture of one pixel. */
const PIXEL = 'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg=='
const IMAGE_TOKENS = 272
const SAMPLE_RATE = 8_000
/** In samples. Every byte of the file, its header included, is below 128: it is text to the sandbox, as all its answers. */
const SOUND_LENGTH = 16_191

/** Flags what says `[flag]`, and nothing else. @throws Refusal 400 */
export const moderation: Make = (body, model) => {
  const texts = typeof body.input === 'string' ? [body.input] : asArray(body.input).map(inputText)
  if (texts.length === 0) throw missing('input')
  const results = texts.map((text) => {
    const flagged = text.includes('[flag]')
    const each = <Value>(value: Value) => Object.fromEntries(CATEGORIES.map((category) => [category, value]))
    return {
      flagged,
      categories: each(flagged),
      category_scores: each(flagged ? 0.9 : 0.01),
      category_applied_input_types: each(['text']),
    }
  })
  return jsonOf({ id: `modr-${ID}`, model, results }, texts[0] ?? '')
}

/** One transparent pixel for every picture asked for. @throws Refusal 400 */
export const images: Make = (body, _model, tokenizer) => {
  const prompt = asText(body.prompt)
  if (prompt === '') throw missing('prompt')
  const text = tokenizer.count(prompt)
  const count = asCount(body.n) ?? 1
  const usage = {
    input_tokens: text,
    input_tokens_details: { text_tokens: text, image_tokens: 0 },
    output_tokens: IMAGE_TOKENS * count,
    total_tokens: text + IMAGE_TOKENS * count,
  }
  if (body.stream !== true) {
    const data = Array.from({ length: count }, () => ({ b64_json: PIXEL }))
    return jsonOf({ created: CREATED, data, usage }, prompt)
  }
  const picture = { b64_json: PIXEL, created_at: CREATED, size: '1024x1024', output_format: 'png' }
  return eventsOf(prompt, [
    { type: 'image_generation.partial_image', partial_image_index: 0, ...picture },
    { type: 'image_generation.completed', ...picture, usage },
  ])
}

/** Two seconds of a tone as WAV, whatever is to be said; `stream_format: sse` cuts it in two. @throws Refusal 400 */
export const speech: Make = (body, _model, tokenizer) => {
  const input = asText(body.input)
  if (input === '') throw missing('input')
  const sound = toneOf()
  if (body.stream_format !== 'sse') return { prompt: input, frames: [sound], isStream: false, contentType: 'audio/wav' }
  const tokens = tokenizer.count(input)
  const half = Math.floor(sound.length / 2)
  return eventsOf(input, [
    ...[sound.slice(0, half), sound.slice(half)].map((part) => ({
      type: 'speech.audio.delta',
      audio: Buffer.from(part).toString('base64'),
    })),
    {
      type: 'speech.audio.done',
      usage: { input_tokens: tokens, output_tokens: IMAGE_TOKENS, total_tokens: tokens + IMAGE_TOKENS },
    },
  ])
}

/** Hears its own words in every recording; `prompt` decides them. Fields of a form, so that all values are texts. */
export const transcription: Make = (body, _model, tokenizer) => {
  if (body.file === undefined) throw missing('file')
  const prompt = asText(body.prompt)
  const text = `You said: ${prompt === '' ? 'nothing that I understood' : prompt}.`
  const output = tokenizer.count(text)
  const usage = {
    type: 'tokens',
    input_tokens: 14,
    input_token_details: { text_tokens: 0, audio_tokens: 14 },
    output_tokens: output,
    total_tokens: 14 + output,
  }
  const format = asText(body.response_format)
  if (format === 'text')
    return { prompt, frames: [`${text}\n`], isStream: false, contentType: 'text/plain; charset=utf-8' }
  if (body.stream !== 'true') return jsonOf({ text, usage }, prompt)
  return eventsOf(prompt, [
    ...text.split(/(?<= )/).map((delta) => ({ type: 'transcript.text.delta', delta })),
    { type: 'transcript.text.done', text, usage },
  ])
}

/** The fields of a multipart form, as far as the sandbox looks at them. */
export function readFormFields(text: string): JsonObject {
  const fields: JsonObject = {}
  for (const [, name = '', value = ''] of text.matchAll(
    /; name="([^"]+)"[^\r\n]*\r\n(?:[^\r\n]+\r\n)*\r\n([^\r\n]*)/g,
  )) {
    fields[name] = value
  }
  return fields
}

function jsonOf(body: JsonObject, prompt: string): Medium {
  return { prompt, frames: [JSON.stringify(body)], isStream: false, contentType: JSON_TYPE }
}

function eventsOf(prompt: string, events: JsonObject[]): Medium {
  return { prompt, frames: events.map(dataEvent), isStream: true, contentType: STREAM_TYPE }
}

function inputText(part: unknown): string {
  if (typeof part === 'string') return part
  return typeof part === 'object' && part !== null && 'text' in part ? asText(part.text) : ''
}

function missing(param: string): Refusal {
  return new Refusal(400, 'missing_required_parameter', `Missing required parameter: '${param}'.`, param)
}

/** A WAV file: 8-bit mono. */
function toneOf(): string {
  const header = Buffer.alloc(44)
  header.write('RIFF', 0)
  header.writeUInt32LE(36 + SOUND_LENGTH, 4)
  header.write('WAVEfmt ', 8)
  header.writeUInt32LE(16, 16)
  header.writeUInt16LE(1, 20)
  header.writeUInt16LE(1, 22)
  header.writeUInt32LE(SAMPLE_RATE, 24)
  header.writeUInt32LE(SAMPLE_RATE, 28)
  header.writeUInt16LE(1, 32)
  header.writeUInt16LE(8, 34)
  header.write('data', 36)
  header.writeUInt32LE(SOUND_LENGTH, 40)
  const samples = Uint8Array.from({ length: SOUND_LENGTH }, (_, at) => 64 + Math.round(60 * Math.sin(at / 3)))
  return Buffer.concat([header, samples]).toString('latin1')
}
