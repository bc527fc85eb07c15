import type { Form } from '@turnpike/core/gateway/call'
import { GatewayError } from '@turnpike/core/gateway/errors'
import type { RequestBody } from '@turnpike/core/gateway/request-body'
import { decodeBody } from './read-body.ts'

/** Most parts of a form; a transcript asks for a dozen at most. */
export const MAX_PARTS = 64
const MAX_PART_HEADER_BYTES = 4_096
/** Longest text field that is read; what is longer is weighed only. */
const MAX_TEXT_BYTES = 1024 * 1024
/** Speech has some ten tokens a second, at 16 KB a second and more: so many of its bytes weigh what one of text does. */
const FILE_BYTES_PER_TEXT_BYTE = 500
const BREAK = Buffer.from('\r\n')
const BLANK_LINE = Buffer.from('\r\n\r\n')
const BOUNDARY = /^multipart\/form-data\s*;(?:[^"]*;)?\s*boundary=(?:"([^"\r\n]{1,70})"|([^\s;,"]{1,70}))\s*(?:;.*)?$/i
const DISPOSITION = /^form-data((?:\s*;\s*[a-z]+=(?:"(?:[^"\\]|\\.)*"|[^\s;"]+))+)\s*$/i

interface Part {
  name: string
  isFile: boolean
  valueStart: number
  valueEnd: number
}

/**
 * A multipart form with a `model` field. Its bytes go upstream as they are; only the model's may be put in another's place.
 * What an upstream might read otherwise than we do is refused, so that no model gets past the group's list.
 * Throws body_empty, body_invalid, duplicate_key, model_required.
 */
export function parseForm(bytes: Buffer, contentType: string | undefined): { body: RequestBody; form: Form } {
  if (bytes.length === 0) throw new GatewayError('body_empty')
  const [, quoted, bare] = BOUNDARY.exec(contentType ?? '') ?? []
  const boundary = quoted ?? bare
  if (contentType === undefined || boundary === undefined) throw new GatewayError('body_invalid')
  const parts = partsOf(bytes, boundary)
  const fields = fieldsOf(bytes, parts)
  const model = parts.find(({ name }) => name === 'model')
  const named = fields.model
  if (model === undefined || named === undefined || named.trim() === '') {
    throw new GatewayError('model_required', { param: 'model' })
  }
  return {
    body: bodyOf(fields, named),
    form: {
      contentType,
      inputBytes: weightOf(parts),
      withModel: (other) =>
        Buffer.concat([bytes.subarray(0, model.valueStart), Buffer.from(other), bytes.subarray(model.valueEnd)]),
    },
  }
}

function bodyOf(fields: Record<string, string>, model: string): RequestBody {
  return {
    readText: () => JSON.stringify(fields),
    readJson: () => ({ ...fields }),
    members: new Map(),
    model,
    stream: fields.stream === 'true',
    wantsUsageChunk: false,
    promptCacheKey: null,
    previousResponseId: null,
    isStored: false,
    hasEncryptedReasoning: false,
    maxOutputTokens: null,
  }
}

/** Text fields by name. One that is there twice could be read either way; lists, whose names end in `[]`, are not looked at. */
function fieldsOf(bytes: Buffer, parts: Part[]): Record<string, string> {
  const fields = new Map<string, string>()
  for (const { name, isFile, valueStart, valueEnd } of parts) {
    if (name.endsWith('[]')) continue
    if (fields.has(name)) throw new GatewayError('duplicate_key', { param: name })
    const isRead = !isFile && valueEnd - valueStart <= MAX_TEXT_BYTES
    if (isFile && name === 'model') throw new GatewayError('body_invalid')
    fields.set(name, isRead ? decodeBody(bytes.subarray(valueStart, valueEnd)) : '')
  }
  return Object.fromEntries(fields)
}

function weightOf(parts: Part[]): number {
  return parts.reduce((sum, { isFile, valueStart, valueEnd }) => {
    const size = valueEnd - valueStart
    return sum + (isFile ? Math.ceil(size / FILE_BYTES_PER_TEXT_BYTE) : size)
  }, 0)
}

function partsOf(bytes: Buffer, boundary: string): Part[] {
  const delimiter = Buffer.from(`--${boundary}`)
  const parts: Part[] = []
  if (!startsWith(bytes, 0, delimiter)) throw new GatewayError('body_invalid')
  let at = delimiter.length
  while (!startsWith(bytes, at, Buffer.from('--'))) {
    if (!startsWith(bytes, at, BREAK) || parts.length === MAX_PARTS) throw new GatewayError('body_invalid')
    const headersStart = at + BREAK.length
    const headersEnd = bytes.subarray(0, headersStart + MAX_PART_HEADER_BYTES).indexOf(BLANK_LINE, headersStart)
    if (headersEnd === -1) throw new GatewayError('body_invalid')
    const valueStart = headersEnd + BLANK_LINE.length
    // The line break before a delimiter is part of it; that of an empty value is the one that ends the headers.
    const valueEnd = bytes.indexOf(Buffer.concat([BREAK, delimiter]), valueStart)
    if (valueEnd === -1) throw new GatewayError('body_invalid')
    parts.push({ ...dispositionOf(bytes.toString('latin1', headersStart, headersEnd)), valueStart, valueEnd })
    at = valueEnd + BREAK.length + delimiter.length
  }
  return parts
}

/** Name and kind of a part. Only plain names: everybody reads those alike. */
function dispositionOf(headers: string): Pick<Part, 'name' | 'isFile'> {
  const lines = headers.split('\r\n')
  const values = lines.flatMap((line) => /^content-disposition:\s*(.*)$/i.exec(line)?.[1] ?? [])
  const [value = ''] = values
  const parameters = DISPOSITION.exec(value)?.[1] ?? ''
  const names = [...parameters.matchAll(/;\s*name=(?:"([^"]*)"|([^\s;"]+))/gi)]
  const name = names[0]?.[1] ?? names[0]?.[2] ?? ''
  const isPlain = values.length === 1 && names.length === 1 && /^[A-Za-z0-9_.[\]-]{1,64}$/.test(name)
  if (!isPlain || /[\r\n\0]/.test(value)) throw new GatewayError('body_invalid')
  return { name, isFile: /;\s*filename=/i.test(parameters) }
}

function startsWith(bytes: Buffer, at: number, prefix: Buffer): boolean {
  return bytes.subarray(at, at + prefix.length).equals(prefix)
}
