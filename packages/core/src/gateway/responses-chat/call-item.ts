import { isObject, type JsonObject, parseJson } from '../json.ts'
import { CUSTOM_INPUT } from './chat-tools.ts'
import type { ItemPlace, ItemStatus, OutputItem } from './output-item.ts'
import type { ToolIdentity } from './tool-names.ts'

export interface CallItem extends OutputItem {
  add(argumentsDelta: string): void
}

/** A tool call. Calls of a custom tool arrive as JSON around its text, so their input is known at the end only. */
export function openCall(place: ItemPlace, tool: ToolIdentity, callId: string): CallItem {
  const { emit, outputIndex, id } = place
  const at = { item_id: id, output_index: outputIndex }
  const isCustom = tool.kind === 'custom'
  const named = { name: tool.name, ...(tool.namespace !== null && { namespace: tool.namespace }) }
  let received = ''
  let status: ItemStatus = 'in_progress'

  function item(): JsonObject {
    if (!isCustom) return { id, type: 'function_call', status, call_id: callId, ...named, arguments: received }
    const input = status === 'in_progress' ? '' : customInput(received)
    return { id, type: 'custom_tool_call', status, call_id: callId, ...named, input }
  }

  function add(argumentsDelta: string): void {
    received += argumentsDelta
    if (!isCustom) emit('response.function_call_arguments.delta', { ...at, delta: argumentsDelta })
  }

  emit('response.output_item.added', { output_index: outputIndex, item: item() })
  return {
    add,
    close(finalStatus) {
      if (status !== 'in_progress') return
      // Clients parse the arguments; some servers send nothing for a function without parameters.
      if (!isCustom && received === '' && finalStatus === 'completed') add('{}')
      status = finalStatus
      if (isCustom) {
        const input = customInput(received)
        if (input !== '') emit('response.custom_tool_call_input.delta', { ...at, delta: input })
        emit('response.custom_tool_call_input.done', { ...at, input })
      } else emit('response.function_call_arguments.done', { ...at, name: tool.name, arguments: received })
      emit('response.output_item.done', { output_index: outputIndex, item: item() })
    },
    snapshot: item,
  }
}

/** The tool's text inside the function's arguments; models that forget the JSON around it send the text itself. */
function customInput(received: string): string {
  const parsed = parseJson(received)
  const input = isObject(parsed) ? parsed[CUSTOM_INPUT] : undefined
  return typeof input === 'string' ? input : received
}
