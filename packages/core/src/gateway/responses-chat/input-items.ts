import type { JsonObject } from '../json.ts'
import { listAt, objectAt, present, textAt, unsupported } from './translated.ts'

/**
 * Chat messages as input items. An assistant's message becomes its text and one item per call; results are matched to
 * custom tools by the id of the call before them.
 */
export function toInputItems(messages: unknown): JsonObject[] {
  const customCalls = new Set<unknown>()
  if (!Array.isArray(messages)) return unsupported('messages')
  return messages.flatMap((value: unknown, index): JsonObject[] => {
    const param = `messages[${index}]`
    const message = objectAt(value, param)
    switch (message.role) {
      case 'system':
      case 'developer':
      case 'user':
        return [{ type: 'message', role: message.role, content: inputContent(message.content, `${param}.content`) }]
      case 'assistant':
        return assistantItems(message, param, customCalls)
      case 'tool':
        return [toolResult(message, param, customCalls)]
      default:
        return unsupported(`${param}.role`)
    }
  })
}

function assistantItems(message: JsonObject, param: string, customCalls: Set<unknown>): JsonObject[] {
  for (const member of ['function_call', 'audio']) {
    if (message[member] !== undefined && message[member] !== null) unsupported(`${param}.${member}`)
  }
  const content = assistantContent(message, param)
  const calls = listAt(message.tool_calls, `${param}.tool_calls`).map((value, index) => {
    const at = `${param}.tool_calls[${index}]`
    const call = objectAt(value, at)
    const item = callItem(call, at)
    if (call.type === 'custom') customCalls.add(item.call_id)
    return item
  })
  return content.length === 0 ? calls : [{ type: 'message', role: 'assistant', content }, ...calls]
}

function assistantContent({ content, refusal }: JsonObject, param: string): JsonObject[] {
  const refused = typeof refusal === 'string' && refusal !== '' ? [{ type: 'refusal', refusal }] : []
  if (typeof content === 'string')
    return content === '' ? refused : [{ type: 'output_text', text: content }, ...refused]
  const parts = listAt(content, `${param}.content`).map((value, index): JsonObject => {
    const at = `${param}.content[${index}]`
    const part = objectAt(value, at)
    if (part.type === 'text') return { type: 'output_text', text: textAt(part.text, `${at}.text`) }
    if (part.type === 'refusal') return { type: 'refusal', refusal: textAt(part.refusal, `${at}.refusal`) }
    return unsupported(`${at}.type`)
  })
  return [...parts, ...refused]
}

function callItem({ id, type, ...call }: JsonObject, param: string): JsonObject {
  const call_id = textAt(id, `${param}.id`)
  if (type === 'custom') {
    const at = `${param}.custom`
    const { name, input } = objectAt(call.custom, at)
    return { type: 'custom_tool_call', call_id, name: textAt(name, `${at}.name`), input: textAt(input, `${at}.input`) }
  }
  // Some clients leave the type out: function is the only one they know.
  if (type !== 'function' && type !== undefined) return unsupported(`${param}.type`)
  const at = `${param}.function`
  const called = objectAt(call.function, at)
  return {
    type: 'function_call',
    call_id,
    name: textAt(called.name, `${at}.name`),
    arguments: textAt(called.arguments, `${at}.arguments`),
  }
}

function toolResult({ tool_call_id, content }: JsonObject, param: string, customCalls: Set<unknown>): JsonObject {
  return {
    type: customCalls.has(tool_call_id) ? 'custom_tool_call_output' : 'function_call_output',
    call_id: textAt(tool_call_id, `${param}.tool_call_id`),
    output: typeof content === 'string' ? content : inputContent(content, `${param}.content`),
  }
}

function inputContent(value: unknown, param: string): JsonObject[] {
  if (typeof value === 'string') return [{ type: 'input_text', text: value }]
  return listAt(value, param).map((entry, index) => {
    const at = `${param}[${index}]`
    const part = objectAt(entry, at)
    if (part.type === 'text') return { type: 'input_text', text: textAt(part.text, `${at}.text`) }
    if (part.type === 'image_url') {
      const { url, detail } = objectAt(part.image_url, `${at}.image_url`)
      return { type: 'input_image', image_url: textAt(url, `${at}.image_url.url`), detail: detail ?? 'auto' }
    }
    if (part.type === 'file') {
      const { file_id, filename, file_data } = objectAt(part.file, `${at}.file`)
      return present({ type: 'input_file', file_id, filename, file_data })
    }
    return unsupported(`${at}.type`)
  })
}
