import { asObject, isObject, type JsonObject } from '../json.ts'
import { listAt, objectAt, present, textAt, unsupported } from './translated.ts'

const CHAT_DETAILS: readonly unknown[] = ['auto', 'low', 'high']
const TEXT_PARTS: readonly unknown[] = ['input_text', 'output_text', 'text']

/**
 * Content of a user as chat writes it: one string where there is only text (many servers know nothing else), else parts.
 * Files and images by id belong to one account's storage and are refused, so are file URLs, which chat does not have.
 */
export function chatContent(value: unknown, param: string): unknown {
  if (typeof value === 'string') return value
  const parts = listAt(value, param).map((part, index) => chatPart(part, `${param}[${index}]`))
  return parts.every(({ type }) => type === 'text') ? parts.map(({ text }) => text).join('\n') : parts
}

/** All text of a message that can hold nothing else: of a system, developer or assistant role. */
export function plainText(value: unknown, param: string, separator: string): string {
  if (typeof value === 'string') return value
  return listAt(value, param)
    .map((entry, index) => {
      const at = `${param}[${index}]`
      const part = objectAt(entry, at)
      if (part.type === 'refusal') return textAt(part.refusal, `${at}.refusal`)
      return TEXT_PARTS.includes(part.type) ? textAt(part.text, `${at}.text`) : unsupported(`${at}.type`)
    })
    .join(separator)
}

/** A tool's output. Chat's tool messages hold text only, so images and files come apart, for a user message behind them. */
export function toolOutput(value: unknown, param: string): { text: string; attachments: JsonObject[] } {
  if (typeof value === 'string') return { text: value, attachments: [] }
  if (isObject(value)) return { text: JSON.stringify(value), attachments: [] }
  const parts = listAt(value, param).map((part, index) => chatPart(part, `${param}[${index}]`))
  const texts = parts.filter(({ type }) => type === 'text').map(({ text }) => text)
  return { text: texts.join('\n'), attachments: parts.filter(({ type }) => type !== 'text') }
}

function chatPart(value: unknown, param: string): JsonObject {
  const part = objectAt(value, param)
  if (TEXT_PARTS.includes(part.type)) return { type: 'text', text: textAt(part.text, `${param}.text`) }
  if (part.type === 'input_image') {
    const url = textAt(part.image_url, `${param}.${isGiven(part.file_id) ? 'file_id' : 'image_url'}`)
    const detail = CHAT_DETAILS.includes(part.detail) ? part.detail : undefined
    return { type: 'image_url', image_url: present({ url, detail }) }
  }
  if (part.type === 'input_file') {
    const foreign = ['file_id', 'file_url'].find((name) => isGiven(part[name]))
    const data = textAt(part.file_data, `${param}.${foreign ?? 'file_data'}`)
    return { type: 'file', file: present({ filename: part.filename, file_data: data }) }
  }
  if (part.type === 'input_audio') return { type: 'input_audio', input_audio: asObject(part.input_audio) }
  return unsupported(`${param}.type`)
}

function isGiven(value: unknown): boolean {
  return value !== undefined && value !== null
}
