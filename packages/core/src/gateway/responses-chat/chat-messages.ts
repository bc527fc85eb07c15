import { asString, type JsonObject } from '../json.ts'
import { chatContent, plainText, toolOutput } from './chat-content.ts'
import { CUSTOM_INPUT } from './chat-tools.ts'
import { createTranscript, type Transcript } from './chat-transcript.ts'
import { isReturned } from './reasoning-ids.ts'
import type { ToolNames } from './tool-names.ts'
import { objectAt, objectsOf, textAt, unsupported } from './translated.ts'

/**
 * Items that are left out: their tools are not offered to a chat-only server, so neither are their old calls.
 * `additional_tools` is read with the tools.
 */
const LEFT_OUT = new Set([
  'additional_tools',
  'apply_patch_call',
  'apply_patch_call_output',
  'code_interpreter_call',
  'computer_call',
  'computer_call_output',
  'file_search_call',
  'image_generation_call',
  'local_shell_call',
  'local_shell_call_output',
  'mcp_approval_request',
  'mcp_approval_response',
  'mcp_call',
  'mcp_list_tools',
  'shell_call',
  'shell_call_output',
  'tool_search_call',
  'tool_search_output',
  'web_search_call',
])

/** `instructions` and `input` as messages. Items that stand for a history only OpenAI can read are refused. */
export function toChatMessages({ instructions, input }: JsonObject, names: ToolNames): JsonObject[] {
  const transcript = createTranscript()
  if (instructions !== undefined && instructions !== null) transcript.instruct(textAt(instructions, 'instructions'))
  if (typeof input === 'string') transcript.user(input)
  else if (Array.isArray(input)) {
    for (const [index, item] of input.entries()) addItem(transcript, objectAt(item, `input[${index}]`), index, names)
  } else unsupported('input')
  return transcript.messages()
}

function addItem(transcript: Transcript, item: JsonObject, index: number, names: ToolNames): void {
  const param = `input[${index}]`
  const type = item.type ?? (item.role === undefined ? undefined : 'message')
  switch (type) {
    case 'message':
      return addMessage(transcript, item, param)
    case 'reasoning':
      return addReasoning(transcript, item)
    case 'function_call':
    case 'custom_tool_call': {
      const name = names.toChat({ name: textAt(item.name, `${param}.name`), namespace: asString(item.namespace) })
      const calledWith =
        type === 'function_call'
          ? textAt(item.arguments, `${param}.arguments`)
          : JSON.stringify({ [CUSTOM_INPUT]: textAt(item.input, `${param}.input`) })
      return transcript.call({ id: textAt(item.call_id, `${param}.call_id`), name, arguments: calledWith })
    }
    case 'function_call_output':
    case 'custom_tool_call_output': {
      const { text, attachments } = toolOutput(item.output, `${param}.output`)
      return transcript.result(textAt(item.call_id, `${param}.call_id`), text, attachments)
    }
    default:
      if (typeof type !== 'string' || !LEFT_OUT.has(type)) unsupported(`${param}.type`)
  }
}

function addMessage(transcript: Transcript, { role, content }: JsonObject, param: string): void {
  const at = `${param}.content`
  if (role === 'user') transcript.user(chatContent(content, at))
  else if (role === 'assistant') transcript.assistant(plainText(content, at, ''))
  else if (role === 'system' || role === 'developer') transcript.instruct(plainText(content, at, '\n'))
  else unsupported(`${param}.role`)
}

/** Encrypted thoughts can be read by OpenAI alone; the others go back only where their server asks for them. */
function addReasoning(transcript: Transcript, { id, summary }: JsonObject): void {
  if (!isReturned(id)) return
  transcript.think(
    objectsOf(summary)
      .map(({ text }) => asString(text) ?? '')
      .join(''),
  )
}
